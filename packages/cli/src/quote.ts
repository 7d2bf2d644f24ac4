import { encode } from "./file_name.ts";

/*
 * A terminal interprets control characters in a file name as commands: they can hide text, change the window's title,
 * or type for the user. Unicode's format characters can reorder a line.
 */

const unprintable = /[\p{C}\p{Zl}\p{Zp}]/u;
const unprintables = /([\p{C}\p{Zl}\p{Zp}]+)/gu;
/** A name without any of these needs no quotes in a shell or a message. */
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

/**
 * Replaces characters that a terminal would not show as they are, except line feeds and tabs, by escapes such as
 * `\033`.
 */
export function printable(text: string): string {
  return text
    .split(/([\n\t])/)
    .map((piece, index) => (index % 2 === 1 ? piece : piece.replace(unprintables, escapeText)))
    .join("");
}

/** Whether a text contains characters that a terminal would not show as they are. */
export const isUnprintable = (text: string): boolean => unprintable.test(text);

/** Quotes a name as coreutils do in messages: for a shell, if it contains special characters. */
export function quoteName(name: string): string {
  if (name !== "" && !special.test(name) && !unprintable.test(name)) return name;
  if (name.includes("'") && /^[ \w%+,\-./:@\]{}'\P{ASCII}]+$/u.test(name) && !unprintable.test(name))
    return `"${name}"`;
  const [first = "", ...others] = name
    .split(unprintables)
    .map((piece, index) => (index % 2 === 1 ? `$'${escapeText(piece)}'` : `'${piece.replaceAll("'", "'\\''")}'`));
  // An empty piece has no meaning, except at the beginning.
  return [first, ...others.filter((piece) => piece !== "''")].join("");
}
