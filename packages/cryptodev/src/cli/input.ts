import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import process from "node:process";

/** Bytes that come in pieces. */
export interface Input {
  /** How many there will be; `undefined` where nobody knows. */
  readonly size: number | undefined;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** How much of a file is read at once: above this, calls of the device cost nothing next to their data. */
const PIECE = 2 ** 20;

/** Opens a file, or standard input under the name `-`. */
export async function openInput(file: string): Promise<Input> {
  if (file === "-") return { size: undefined, pieces: process.stdin };
  const status = await stat(file);
  return {
    size: status.isFile() ? status.size : undefined,
    pieces: createReadStream(file, { highWaterMark: PIECE }),
  };
}
