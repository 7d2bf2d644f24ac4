import { timingSafeEqual } from "node:crypto";
import process from "node:process";
import { escapeName, parseLine } from "./checksum_line.ts";
import { complain } from "./complain.ts";
import { exitCodes } from "./exit_codes.ts";
import { openInput } from "./input.ts";

/** How `--check` goes about it. */
export interface CheckFlags {
  readonly ignoreMissing?: true;
  readonly quiet?: true;
  readonly status?: true;
  readonly strict?: true;
  readonly warn?: true;
}

/** The digests that lists hold, and how one is computed. */
interface Digests {
  readonly algorithm: string;
  readonly digestSize: number;
  digestOf(file: string): Promise<string>;
}

/**
 * Checks files against lists of digests, as `sha256sum --check` does.
 *
 * @returns the exit status
 */
export async function checkLists(lists: readonly string[], digests: Digests, flags: CheckFlags): Promise<number> {
  let status = 0;
  for (const list of lists) status = Math.max(status, await checkList(list, digests, flags));
  return status;
}

/** "1 line", "2 lines". */
const count = (number: number, one: string, many: string): string => `${number} ${number === 1 ? one : many}`;

async function checkList(list: string, digests: Digests, flags: CheckFlags): Promise<number> {
  const { algorithm, digestSize } = digests;
  const say = (text: string): void => {
    if (!flags.status) console.error(`cryptodev: ${text}`);
  };
  let lines: readonly string[];
  try {
    lines = await linesOf(list);
  } catch (error) {
    complain(list, error);
    return exitCodes.failure;
  }
  const found = { good: 0, improper: 0, mismatched: 0, unreadable: 0 };
  for (const [index, line] of lines.entries()) {
    if (line.startsWith("#")) continue;
    const checksum = parseLine(line, digestSize, algorithm);
    if (checksum === undefined) {
      found.improper += 1;
      if (flags.warn) say(`${list}: ${index + 1}: this is no line with a digest of ${algorithm}`);
      continue;
    }
    const { mark, name } = escapeName(checksum.file, checksum.file.includes("\n"));
    const tell = (outcome: string): void => {
      if (!flags.status && !(flags.quiet && outcome === "OK")) process.stdout.write(`${mark}${name}: ${outcome}\n`);
    };
    try {
      const isSame = timingSafeEqual(Buffer.from(await digests.digestOf(checksum.file)), Buffer.from(checksum.digest));
      found[isSame ? "good" : "mismatched"] += 1;
      tell(isSame ? "OK" : "FAILED");
    } catch (error) {
      if (flags.ignoreMissing && (error as NodeJS.ErrnoException).code === "ENOENT") continue;
      found.unreadable += 1;
      complain(checksum.file, error);
      tell("FAILED open or read");
    }
  }
  return verdict(list, found, flags, say);
}

async function linesOf(list: string): Promise<readonly string[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of (await openInput(list)).pieces) pieces.push(piece);
  const lines = Buffer.concat(pieces).toString().split("\n");
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

/** Sums up what was found in a list. @returns the exit status */
function verdict(
  list: string,
  found: Readonly<Record<"good" | "improper" | "mismatched" | "unreadable", number>>,
  flags: CheckFlags,
  say: (text: string) => void,
): number {
  const { good, improper, mismatched, unreadable } = found;
  if (good + mismatched + unreadable === 0) {
    say(`${list}: ${flags.ignoreMissing ? "no file was verified" : "no properly formatted checksum lines found"}`);
    return exitCodes.failure;
  }
  if (improper > 0) say(`WARNING: ${count(improper, "line is", "lines are")} improperly formatted`);
  if (unreadable > 0) say(`WARNING: ${count(unreadable, "listed file", "listed files")} could not be read`);
  if (mismatched > 0) say(`WARNING: ${count(mismatched, "computed checksum", "computed checksums")} did NOT match`);
  if (mismatched > 0) return exitCodes.mismatch;
  return unreadable > 0 || (improper > 0 && flags.strict) ? exitCodes.failure : 0;
}
