import { readFileSync } from "node:fs";
import process from "node:process";

/*
 * A file's name is any bytes but 0 and "/", while a string is Unicode. A byte that is not part of UTF-8 stands in our
 * strings as one of U+DC80 to U+DCFF, as Python's surrogateescape has it: no decoded text contains a lone surrogate.
 */

/** A character of UTF-8 that is not ASCII, or a byte that is part of none. */
const sequences =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|([\x80-\xff])/g;
const escaped = /([\udc80-\udcff])/u;

/** Decodes bytes of which any may be invalid UTF-8. */
export function decode(bytes: Buffer): string {
  return bytes
    .toString("latin1")
    .replace(sequences, (sequence: string, byte?: string) =>
      byte === undefined
        ? Buffer.from(sequence, "latin1").toString()
        : String.fromCharCode(0xdc00 + byte.charCodeAt(0)),
    );
}

/** The bytes that were decoded. */
export function encode(text: string): Buffer {
  // Odd pieces are what the separator matched.
  const pieces = text
    .split(escaped)
    .map((piece, index) => (index % 2 === 1 ? Buffer.of(piece.charCodeAt(0) - 0xdc00) : Buffer.from(piece)));
  return Buffer.concat(pieces);
}

/**
 * What the functions of `node:fs` take for a name.
 *
 * @throws `Error` in Deno for a name that is not UTF-8: it would open another file, which has U+FFFD in its name
 */
export function pathOf(name: string): string | Buffer {
  if (!escaped.test(name)) return name;
  if ("Deno" in globalThis) throw new Error("Deno opens only files whose names are UTF-8; Node.js and Bun open others");
  return encode(name);
}

/** Whether {@link pathOf} is not the name itself. */
export const isEscaped = (name: string): boolean => escaped.test(name);

/** The command line as `process.argv` has it, with the bytes that no runtime decodes. */
export function commandLine(): string[] {
  const { argv } = process;
  if (!argv.some((argument) => argument.includes("\ufffd"))) return argv;
  const all = decode(readFileSync("/proc/self/cmdline")).split("\0").slice(0, -1);
  // The runtime's own arguments come first, and differ in number.
  return [...argv.slice(0, 2), ...all.slice(all.length - argv.length + 2)];
}
