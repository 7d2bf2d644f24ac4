/*
 * The lines of sha256sum(1) are `digest  name`. The second character after the digest is a blank or, for binary, an
 * asterisk. A name that contains a newline is escaped, and its line starts with a backslash.
 */

/** A line of a list of digests. */
export interface Checksum {
  /** Hex digits in lower case. */
  readonly digest: string;
  readonly file: string;
}

/** The kind of digests in a list. */
export interface DigestKind {
  /** The name of the hash, such as `sha256`. */
  readonly algorithm: string;
  /** Bytes in a digest. */
  readonly digestSize: number;
  /** Whether they are HMACs. */
  readonly isKeyed: boolean;
}

const escapes: readonly (readonly [string, string])[] = [
  ["\\", "\\\\"],
  ["\n", "\\n"],
  ["\r", "\\r"],
];

/** Returns a name as it is written in a line, and the backslash that starts the line if the name is escaped. */
export function escapeName(file: string, isEscaped: boolean): { readonly mark: string; readonly name: string } {
  if (!isEscaped) return { mark: "", name: file };
  const name = escapes.reduce((text, [from, to]) => text.replaceAll(from, to), file);
  return name === file ? { mark: "", name } : { mark: "\\", name };
}

function unescapeName(name: string): string | undefined {
  if (/\\(?![\\nr])|\0/.test(name.replaceAll("\\\\", ""))) return undefined;
  return name.replace(/\\([\\nr])/g, (pair) => escapes.find(([, to]) => to === pair)?.[0] as string);
}

/** What precedes the name in a line in the format of BSD, such as `SHA256 (name) = digest`. */
export const tagOf = ({ algorithm, isKeyed }: DigestKind): string =>
  `${isKeyed ? "HMAC-" : ""}${algorithm.toUpperCase()}`;

/** A regular expression for what precedes the name in lines such as `SHA256 (name) = digest`. */
function tagsOf({ algorithm, isKeyed }: DigestKind): string {
  const name = algorithm.toUpperCase();
  const family = /^(SHA|RIPEMD)(\d+)$/.exec(name);
  // The names of BSD and GNU, of OpenSSL 3, and BSD's name of RIPEMD-160.
  const others = { SHA: `SHA2-${family?.[2]}`, RIPEMD: "RIPEMD-160|RMD160" }[family?.[1] ?? ""];
  const tags = others === undefined || name === "SHA1" ? name : `${name}|${others}`;
  return `${isKeyed ? "(?:HMAC-)?" : ""}(?:${tags})`;
}

/**
 * Returns a function that parses lines of sha256sum, BSD's sha256 (`SHA256 (name) = digest`) or openssl
 * (`SHA2-256(name)= digest`). It returns `undefined` for any other line.
 */
export function lineReader(kind: DigestKind): (line: string) => Checksum | undefined {
  const digits = `([0-9a-fA-F]{${kind.digestSize * 2}})`;
  const start = "^[ \\t]*(\\\\?)";
  const tagged = new RegExp(`${start}${tagsOf(kind)} ?\\((.*)\\)[ \\t]*=[ \\t]*${digits}$`, "s");
  const plain = new RegExp(`${start}${digits}[ \\t](.+)$`, "s");
  // `md5 -r` writes one character before the name. As in GNU's programs, the first such line decides for all. Otherwise
  // anyone who adds a line could choose between two files, if the name of one starts with a blank.
  let isReversed: boolean | undefined;

  function nameAfter(rest: string): string | undefined {
    if (rest.length > 1 && /^[ *]/.test(rest)) {
      isReversed ??= false;
      return isReversed ? rest : rest.slice(1);
    }
    if (isReversed === false) return undefined;
    isReversed = true;
    return rest;
  }

  return (line) => {
    let [, mark, name, digest] = tagged.exec(line) ?? [];
    if (digest === undefined) {
      const [, plainMark, plainDigest, rest] = plain.exec(line) ?? [];
      [mark, digest, name] = [plainMark, plainDigest, rest === undefined ? undefined : nameAfter(rest)];
    }
    if (digest === undefined || name === undefined) return undefined;
    // In C, a name ends at a zero character.
    const file = mark === "" ? name.split("\0", 1)[0] : unescapeName(name);
    return file === undefined ? undefined : { digest: digest.toLowerCase(), file };
  };
}
