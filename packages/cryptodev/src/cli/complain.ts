import { FileError } from "./file_error.ts";
import { say } from "./print.ts";
import { quoteName } from "./quote.ts";

/** Says what is wrong with a file, and lets the command continue with others. */
export function complain(file: string, error: unknown): void {
  say(error instanceof FileError ? error.message : `${quoteName(file)}: ${(error as Error).message}`);
}
