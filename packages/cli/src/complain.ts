import { FileError } from "./file_error.ts";
import { say } from "./print.ts";
import { quoteName } from "./quote.ts";

/** Reports an error about a file; the command continues with the others. */
export function complain(file: string, error: unknown): void {
  say(error instanceof FileError ? error.message : `${quoteName(file)}: ${(error as Error).message}`);
}
