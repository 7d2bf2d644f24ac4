import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { nearest } from "@cryptodev/core/algorithms";
import { FileError } from "./file_error.ts";
import { pathOf } from "./file_name.ts";
import { quoteName } from "./quote.ts";

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
