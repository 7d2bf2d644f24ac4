import { encode } from "./file_name.ts";

/*
 * Control characters in a file's name, or in a message that repeats one, are commands to a terminal: they can hide text,
 * retitle its window, or type for the user. What Unicode calls format characters can reorder a line.
 */

const unprintable = /[\p{C}\p{Zl}\p{Zp}]/u;
const unprintables = /([\p{C}\p{Zl}\p{Zp}]+)/gu;
/** Without it a name stands for itself in a shell and in a message. */
const special = /[\s"'`$\\:;&|<>()[*?!^=]|^[#~]|^[{}]$/;

const letters: Readonly<Record<string, string>> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\v": "\\v",
  "\f": "\\f",
  "\r": "\\r",
};

const octal = (byte: number): string => `\\${byte.toString(8).padStart(3, "0")}`;

const escapeText = (text: string): string =>
  [...text].map((character) => letters[character] ?? [...encode(character)].map(octal).join("")).join("");

/** Replaces what a terminal would not show as it stands, except line feeds and tabs, by escapes such as `\033`. */
export function printable(text: string): string {
  return text
    .split(/([\n\t])/)
    .map((piece, index) => (index % 2 === 1 ? piece : piece.replace(unprintables, escapeText)))
    .join("");
}

/** Whether a terminal would not show a text as it stands. */
export const isUnprintable = (text: string): boolean => unprintable.test(text);

/** A name as coreutils quote it in messages: as a shell reads it, if it contains more than plain characters. */
export function quoteName(name: string): string {
  if (name !== "" && !special.test(name) && !unprintable.test(name)) return name;
  if (name.includes("'") && /^[ \w%+,\-./:@\]{}'\P{ASCII}]+$/u.test(name) && !unprintable.test(name))
    return `"${name}"`;
  const [first = "", ...others] = name
    .split(unprintables)
    .map((piece, index) => (index % 2 === 1 ? `$'${escapeText(piece)}'` : `'${piece.replaceAll("'", "'\\''")}'`));
  // An empty piece says nothing, except at the beginning.
  return [first, ...others.filter((piece) => piece !== "''")].join("");
}
