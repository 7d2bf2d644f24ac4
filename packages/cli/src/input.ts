import { createReadStream, fstatSync, open } from "node:fs";
import process from "node:process";
import { promisify } from "node:util";
import { descriptorNamed } from "./descriptor.ts";
import { FileError, fileError } from "./file_error.ts";
import { pathOf } from "./file_name.ts";
import { quoteName } from "./quote.ts";
import { UsageError } from "./usage_error.ts";

/** An input that is read in pieces. */
export interface Input {
  /** Its size in bytes; `undefined` if it is unknown. */
  readonly size: number | undefined;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** Returns the descriptor that the name of an input refers to. That of `-` is standard input. */
export const inputDescriptor = (file: string): number | undefined => (file === "-" ? 0 : descriptorNamed(file));

/**
 * Refuses a command line that reads a descriptor twice: the second time it is empty, and so the data would be processed
 * as if there were none.
 *
 * @param uses - what is read, in this order, and the descriptor from which it is read, if it is one
 */
export function refuseSharedDescriptor(
  uses: readonly (readonly [use: string, descriptor: number | undefined])[],
): void {
  const first = new Map<number, string>();
  for (const [use, descriptor] of uses) {
    if (descriptor === undefined) continue;
    const other = first.get(descriptor);
    if (other === undefined) first.set(descriptor, use);
    else {
      const name = descriptor === 0 ? "standard input" : `descriptor ${descriptor}`;
      throw new UsageError(`expected a file as ${use}, because ${name} provides ${other}`);
    }
  }
}

/**
 * How many bytes of a file are read at once. With pieces of this size, the cost of a call to the device is negligible.
 */
const PIECE = 2 ** 20;

/**
 * Opens a file, or standard input if its name is `-`.
 *
 * @throws {FileError} if it cannot be opened; reading the pieces throws the same
 */
export async function openInput(file: string): Promise<Input> {
  if (file === "-") return { size: undefined, pieces: piecesOf("standard input", standardInput()) };
  try {
    // Opens a descriptor, because Bun's stream accepts only strings as names. Not in this thread, because opening a
    // FIFO waits for a writer.
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
  // Node.js reads a folder as an empty file.
  if (fstatSync(0).isDirectory()) throw new FileError("standard input", { code: "EISDIR" });
  // As for other programs, it is empty if `dgst` reads it again.
  return process.stdin.readableEnded ? [] : process.stdin;
}

async function* piecesOf(shown: string, stream: AsyncIterable<Uint8Array> | []): AsyncIterable<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    throw new FileError(shown, error);
  }
}

/** Reads a file, or standard input if its name is `-`. */
export async function readInput(file: string): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of (await openInput(file)).pieces) pieces.push(piece);
  return Buffer.concat(pieces);
}
