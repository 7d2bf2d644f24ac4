import { timingSafeEqual } from "node:crypto";
import { isatty } from "node:tty";
import { type DigestKind, escapeName, lineReader } from "./checksum_line.ts";
import { complain } from "./complain.ts";
import { exitCodes } from "./exit_codes.ts";
import { decode } from "./file_name.ts";
import { inputDescriptor, readInput } from "./input.ts";
import { print, say } from "./print.ts";
import { isUnprintable, quoteName } from "./quote.ts";

/** The options of `--check`. */
export interface CheckFlags {
  readonly ignoreMissing?: true;
  readonly quiet?: true;
  readonly status?: true;
  readonly strict?: true;
  readonly warn?: true;
}

/** The kind of digests in a list, and the function that computes one. */
export interface Digests extends DigestKind {
  digestOf(file: string): Promise<string>;
}

/** How many files of each outcome a list contains, and how many improper lines. */
type Found = Record<"good" | "improper" | "mismatched" | "unreadable" | "missing", number>;

/** Returns a name as standard output shows it: as GNU writes it, but never with control characters on a terminal. */
export function shownName(file: string, isEscaped: boolean): { readonly mark: string; readonly name: string } {
  const shown = escapeName(file, isEscaped);
  return isUnprintable(shown.name) && isatty(1) ? { mark: "", name: quoteName(file) } : shown;
}

/**
 * Checks files against lists of digests, as `sha256sum --check` does.
 *
 * @returns the exit status
 */
export async function checkLists(lists: readonly string[], digests: Digests, flags: CheckFlags): Promise<number> {
  const read = lineReader(digests);
  let status = 0;
  for (const list of lists) status = Math.max(status, await checkList(list, read, digests, flags));
  return status;
}

/** "1 line", "2 lines". */
const count = (number: number, one: string, many: string): string => `${number} ${number === 1 ? one : many}`;

async function checkList(
  list: string,
  read: ReturnType<typeof lineReader>,
  { algorithm, digestOf }: Digests,
  flags: CheckFlags,
): Promise<number> {
  const name = list === "-" ? "standard input" : quoteName(list);
  const descriptor = inputDescriptor(list);
  let lines: readonly string[];
  try {
    lines = await linesOf(list);
  } catch (error) {
    complain(list, error, true);
    return exitCodes.failure;
  }
  const found: Found = { good: 0, improper: 0, mismatched: 0, unreadable: 0, missing: 0 };
  for (const [index, line] of lines.entries()) {
    if (line === "" || line.startsWith("#")) continue;
    const checksum = read(line);
    // Standard input cannot be the list and one of its files, and neither can another descriptor.
    if (checksum === undefined || (descriptor !== undefined && inputDescriptor(checksum.file) === descriptor)) {
      found.improper += 1;
      if (flags.warn) say(`${name}: ${index + 1}: improperly formatted ${algorithm} checksum line`);
      continue;
    }
    const outcome = await check(checksum, digestOf, flags);
    found[outcome] += 1;
    const text = {
      good: flags.quiet ? undefined : "OK",
      mismatched: "FAILED",
      unreadable: "FAILED open or read",
      missing: undefined,
    }[outcome];
    if (text === undefined || flags.status) continue;
    const { file } = checksum;
    const shown = shownName(file, /[\n\r]/.test(file));
    print(`${shown.mark}${shown.name}: ${text}\n`);
  }
  return verdict(name, found, flags);
}

async function check(
  { file, digest }: { readonly file: string; readonly digest: string },
  digestOf: (file: string) => Promise<string>,
  { ignoreMissing }: CheckFlags,
): Promise<Exclude<keyof Found, "improper">> {
  try {
    return timingSafeEqual(Buffer.from(await digestOf(file)), Buffer.from(digest)) ? "good" : "mismatched";
  } catch (error) {
    if (ignoreMissing && (error as NodeJS.ErrnoException).code === "ENOENT") return "missing";
    complain(file, error, false);
    return "unreadable";
  }
}

async function linesOf(list: string): Promise<readonly string[]> {
  return decode(await readInput(list))
    .split("\n")
    .map((line) => (line.startsWith("#") ? line : line.replace(/\r$/, "")));
}

/**
 * Reports the outcome of a list.
 *
 * @returns the exit status
 */
function verdict(name: string, { good, improper, mismatched, unreadable, missing }: Found, flags: CheckFlags): number {
  if (good + mismatched + unreadable + missing === 0) {
    say(`${name}: no properly formatted checksum lines found`);
    return exitCodes.failure;
  }
  if (!flags.status) {
    if (improper > 0) say(`WARNING: ${count(improper, "line is", "lines are")} improperly formatted`);
    if (unreadable > 0) say(`WARNING: ${count(unreadable, "listed file", "listed files")} could not be read`);
    if (mismatched > 0) say(`WARNING: ${count(mismatched, "computed checksum", "computed checksums")} did NOT match`);
    if (flags.ignoreMissing && good === 0) say(`${name}: no file was verified`);
  }
  if (mismatched > 0) return exitCodes.mismatch;
  return good === 0 || unreadable > 0 || (improper > 0 && flags.strict) ? exitCodes.failure : 0;
}
