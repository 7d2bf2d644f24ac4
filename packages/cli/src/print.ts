import { isatty } from "node:tty";
import { PAUSE, pause, writeTo } from "./descriptor.ts";
import { FileError } from "./file_error.ts";
import { encode } from "./file_name.ts";
import { printable } from "./quote.ts";

/** How many milliseconds a message waits for a reader that does not read. */
const PATIENCE = 1000;

/** Writes synchronously, so that a failure is known before the process ends. */
function writeAll(descriptor: number, text: string, patience: number): void {
  const bytes = encode(isatty(descriptor) ? printable(text) : text);
  let waited = 0;
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeTo(descriptor, bytes.subarray(done));
      waited = 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN" || waited >= patience) throw error;
      pause();
      waited += PAUSE;
    }
  }
}

/**
 * Writes text to standard output.
 *
 * @throws {FileError} if it cannot be written
 */
export function print(text: string): void {
  try {
    writeAll(1, text, Number.POSITIVE_INFINITY);
  } catch (error) {
    throw new FileError("standard output", error);
  }
}

/** Writes text that is not a result. If it cannot be written, it is dropped. */
export function log(text: string, descriptor: 1 | 2 = 2): void {
  try {
    writeAll(descriptor, text, PATIENCE);
  } catch {
    // There is no way left to report it.
  }
}

/** Writes a message to standard error, without control characters. */
export const say = (message: string): void => log(`cryptodev: ${printable(message)}\n`);
