import { FileError } from "./file_error.ts";
import { messageOf } from "./nearest_file.ts";
import { say } from "./print.ts";
import { quoteName } from "./quote.ts";

/**
 * Reports an error about a file; the command continues with the others.
 *
 * @param isTyped - whether the user typed the file's name, which then may be mistyped
 */
export function complain(file: string, error: unknown, isTyped: boolean): void {
  if (error instanceof FileError) say(isTyped ? messageOf(error) : error.message);
  else say(`${quoteName(file)}: ${(error as Error).message}`);
}
