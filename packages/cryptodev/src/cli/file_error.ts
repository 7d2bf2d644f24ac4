import { getSystemErrorMap } from "node:util";
import { quoteName } from "./quote.ts";

/** An error of the operating system, about something that the user named. */
export class FileError extends Error {
  readonly code: string | undefined;

  /** @param shown - its name as a message shows it */
  constructor(shown: string, cause: unknown) {
    super(`${shown}: ${reasonOf(cause)}`, { cause });
    this.code = codeOf(cause);
  }
}

/** An error about a file. */
export const fileError = (file: string, cause: unknown): FileError => new FileError(quoteName(file), cause);

/**
 * Why: `ENOENT, no such file or directory`. The runtimes' own texts differ, and may name files that the user does not know.
 */
function reasonOf(error: unknown): string {
  const { message } = error as Error;
  const code = codeOf(error);
  const [, text] = [...getSystemErrorMap().values()].find(([name]) => name === code) ?? [];
  return text === undefined ? message : `${code}, ${text}`;
}

/** The error's name, such as `ENOENT`. Deno's streams have its number only, in their message. */
function codeOf(error: unknown): string | undefined {
  const { code, message } = error as NodeJS.ErrnoException;
  const [, number] = /\(os error (\d+)\)/.exec(message ?? "") ?? [];
  return code ?? (number === undefined ? undefined : getSystemErrorMap().get(-Number(number))?.[0]);
}
