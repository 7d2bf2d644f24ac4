/*
 * The lines of sha256sum(1): `digest  name`, where the first of the two characters between is a blank or, for binary, an
 * asterisk. A name with a newline in it is escaped, and its line starts with a backslash.
 */

/** One line of a list of digests. */
export interface Checksum {
  /** In lower case. */
  readonly digest: string;
  readonly file: string;
}

const escapes: readonly (readonly [string, string])[] = [
  ["\\", "\\\\"],
  ["\n", "\\n"],
  ["\r", "\\r"],
];

/** A name as it stands in a line, and the backslash that the line starts with where it is escaped. */
export function escapeName(file: string, isEscaped: boolean): { readonly mark: string; readonly name: string } {
  if (!isEscaped) return { mark: "", name: file };
  const name = escapes.reduce((text, [from, to]) => text.replaceAll(from, to), file);
  return name === file ? { mark: "", name } : { mark: "\\", name };
}

function unescapeName(name: string): string | undefined {
  if (/\\(?![\\nr])/.test(name.replaceAll("\\\\", ""))) return undefined;
  return name.replace(/\\([\\nr])/g, (pair) => escapes.find(([, to]) => to === pair)?.[0] as string);
}

/** Writes a line, without its end. */
export function formatLine({ digest, file }: Checksum, isEscaped: boolean): string {
  const { mark, name } = escapeName(file, isEscaped);
  return `${mark}${digest}  ${name}`;
}

/**
 * Reads a line as sha256sum or BSD's sha256 (`SHA256 (name) = digest`) writes it.
 *
 * @param digestSize - bytes in a digest
 * @returns `undefined` for a line that is no such line
 */
export function parseLine(line: string, digestSize: number, algorithm: string): Checksum | undefined {
  const digits = `([0-9a-fA-F]{${digestSize * 2}})`;
  const [, mark, before, plain, tag, tagged, after] =
    new RegExp(`^(\\\\?)(?:${digits} [ *](.+)|([A-Z0-9-]+) \\((.+)\\) = ${digits})$`, "s").exec(line) ?? [];
  const [digest, name] = [before ?? after, plain ?? tagged];
  if (digest === undefined || name === undefined) return undefined;
  // The tag of RIPEMD-160 has no hyphen, that of HMACs has.
  if (tag !== undefined && tag.toLowerCase() !== algorithm) return undefined;
  const file = mark === "" ? name : unescapeName(name);
  return file === undefined ? undefined : { digest: digest.toLowerCase(), file };
}
