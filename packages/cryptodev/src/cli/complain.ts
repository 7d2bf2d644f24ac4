import { escapeName } from "./checksum_line.ts";

/** Says what is wrong with a file, where others are gone on with. */
export function complain(file: string, error: unknown): void {
  console.error(`cryptodev: ${escapeName(file, file.includes("\n")).name}: ${(error as Error).message}`);
}
