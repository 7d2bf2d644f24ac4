import { readFileSync } from "node:fs";

/*
 * A file name can contain any bytes except 0 and "/", but a string is Unicode. Our strings represent a byte that is not
 * part of UTF-8 as one of U+DC80 to U+DCFF, as Python's surrogateescape does: decoded text never contains a lone
 * surrogate.
 */

/** A UTF-8 character that is not ASCII, or a byte that is not part of one. */
const sequences =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|([\x80-\xff])/g;
const escaped = /([\udc80-\udcff])/u;

/** Decodes bytes that may contain invalid UTF-8. */
export function decode(bytes: Buffer): string {
  return bytes
    .toString("latin1")
    .replace(sequences, (sequence: string, byte?: string) =>
      byte === undefined
        ? Buffer.from(sequence, "latin1").toString()
        : String.fromCharCode(0xdc00 + byte.charCodeAt(0)),
    );
}

/** Returns the bytes that {@link decode} was given. */
export function encode(text: string): Buffer {
  // Odd pieces are the matches of the separator.
  const pieces = text
    .split(escaped)
    .map((piece, index) => (index % 2 === 1 ? Buffer.of(piece.charCodeAt(0) - 0xdc00) : Buffer.from(piece)));
  return Buffer.concat(pieces);
}

/**
 * Returns a name in the form that the functions of `node:fs` accept.
 *
 * @throws {Error} if the name is not UTF-8, in Deno, which would open another file with U+FFFD in its name
 */
export function pathOf(name: string): string | Buffer {
  if (!escaped.test(name)) return name;
  if ("Deno" in globalThis) throw new Error("Deno can only open files whose names are UTF-8; use Node.js or Bun");
  return encode(name);
}

/** Whether {@link pathOf} returns something other than the name itself. */
export const isEscaped = (name: string): boolean => escaped.test(name);

/** Returns `process.argv`, but with bytes that are not UTF-8, which the runtimes do not decode. */
export function commandLine(): string[] {
  const { argv } = process;
  if (!argv.some((argument) => argument.includes("\ufffd"))) return argv;
  const all = decode(readFileSync("/proc/self/cmdline")).split("\0").slice(0, -1);
  // The runtime's own arguments come first; their number varies.
  return [...argv.slice(0, 2), ...all.slice(all.length - argv.length + 2)];
}
