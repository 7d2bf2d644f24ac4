import { createReadStream, fstatSync, open } from "node:fs";
import process from "node:process";
import { promisify } from "node:util";
import { FileError, fileError } from "./file_error.ts";
import { pathOf } from "./file_name.ts";
import { quoteName } from "./quote.ts";

/** Bytes that come in pieces. */
export interface Input {
  /** How many there will be; `undefined` if that is unknown. */
  readonly size: number | undefined;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** How much of a file is read at once: above this, calls of the device cost nothing next to their data. */
const PIECE = 2 ** 20;

/** Opens a file, or standard input under the name `-`. @throws `FileError`, as reading the pieces does */
export async function openInput(file: string): Promise<Input> {
  if (file === "-") return { size: undefined, pieces: piecesOf("standard input", standardInput()) };
  try {
    // By its descriptor: Bun's stream takes no name that is not a string. Not in this thread, as a FIFO waits for a writer.
    const fd = await promisify(open)(pathOf(file), "r");
    const status = fstatSync(fd);
    return {
      size: status.isFile() ? status.size : undefined,
      pieces: piecesOf(quoteName(file), createReadStream("", { fd, highWaterMark: PIECE })),
    };
  } catch (error) {
    throw fileError(file, error);
  }
}

function standardInput(): AsyncIterable<Uint8Array> | [] {
  // Node.js takes a folder for an empty file.
  if (fstatSync(0).isDirectory()) throw new FileError("standard input", { code: "EISDIR" });
  // It can be asked for twice.
  return process.stdin.readableEnded ? [] : process.stdin;
}

async function* piecesOf(shown: string, stream: AsyncIterable<Uint8Array> | []): AsyncIterable<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    throw new FileError(shown, error);
  }
}

/** Reads a file, or standard input under the name `-`. */
export async function readInput(file: string): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of (await openInput(file)).pieces) pieces.push(piece);
  return Buffer.concat(pieces);
}
