import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { getSystemErrorMap } from "node:util";
import { nearest } from "@cryptodev/core/algorithms";
import { pathOf } from "./file_name.ts";
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

/** Returns the message of an error, with the existing file that may be meant if the user mistyped a name. */
export function messageOf(error: Error): string {
  const { message } = error;
  if (!(error instanceof FileError) || error.code !== "ENOENT" || error.file === undefined) return message;
  const meant = nearestFile(error.file);
  return meant === undefined ? message : `${message}; did you mean ${quoteName(meant)}?`;
}

/** How many names of a folder are compared with one that does not exist. */
const COMPARED = 1000;

/**
 * Finds the file that is closest to one that does not exist. Only one part of its path may be mistyped.
 *
 * @returns `undefined` if there is none
 */
export function nearestFile(file: string): string | undefined {
  const [folder, name] = [dirname(file), basename(file)];
  let names: string[];
  try {
    names = readdirSync(pathOf(folder)).slice(0, COMPARED);
  } catch {
    // The folder itself may be mistyped.
    const meant = folder === dirname(folder) ? undefined : nearestFile(folder);
    return meant && join(meant, name);
  }
  const meant = nearest(name, names);
  return meant === undefined || meant === name ? undefined : `${file.slice(0, file.length - name.length)}${meant}`;
}

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
