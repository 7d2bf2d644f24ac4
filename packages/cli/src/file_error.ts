import { getSystemErrorMap } from "node:util";
import { quoteName } from "./quote.ts";

/** An error of the operating system about something that the user named. */
export class FileError extends Error {
  override readonly name = "FileError";
  readonly code: string | undefined;
  /** The name of the file, as the user wrote it. */
  readonly file: string | undefined;

  /** @param shown - the name as the message shows it */
  constructor(shown: string, cause: unknown, file?: string) {
    super(`${shown}: ${reasonOf(cause)}`, { cause });
    this.code = codeOf(cause);
    this.file = file;
  }
}

/** Creates an error about a file, with its name quoted. */
export const fileError = (file: string, cause: unknown): FileError => new FileError(quoteName(file), cause, file);

/**
 * Returns the reason, such as `ENOENT, no such file or directory`. The runtimes' own texts differ, and may contain file
 * names that the user does not know.
 */
function reasonOf(error: unknown): string {
  const { message } = error as Error;
  const code = codeOf(error);
  const [, text] = [...getSystemErrorMap().values()].find(([name]) => name === code) ?? [];
  return text === undefined ? message : `${code}, ${text}`;
}

/** The error's code, such as `ENOENT`. Errors of Deno's streams contain only its number, in the message. */
function codeOf(error: unknown): string | undefined {
  const { code, message } = error as NodeJS.ErrnoException;
  const [, number] = /\(os error (\d+)\)/.exec(message ?? "") ?? [];
  return code ?? (number === undefined ? undefined : getSystemErrorMap().get(-Number(number))?.[0]);
}
