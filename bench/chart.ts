/* Draws the pictures of the README and the guide from the results of a run. */
import type { Row } from "./report.ts";

/** The rows of a run, by the title of their section. */
export type Results = ReadonlyMap<string, readonly Row[]>;

interface Bar {
  readonly label: string;
  readonly value: number;
  /** The value in words, at the end of the bar. */
  readonly text: string;
}

interface Group {
  readonly caption: string;
  readonly bars: readonly Bar[];
}

/** What a picture shows: horizontal bars, which keep their labels readable on a phone. */
interface Picture {
  readonly title: string;
  /** What the values are, and which end is the better one. */
  readonly note: string;
  readonly groups: readonly Group[];
  /** A value that all bars are compared with. */
  readonly mark?: { readonly value: number; readonly label: string };
}

const WIDTH = 640;
/** Where bars start, and where the longest one ends. */
const [LEFT, RIGHT] = [150, 550];
const [HEADER, CAPTION, BAR, GAP, FOOTER] = [64, 24, 22, 14, 28];

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const words = (x: number, y: number, text: string, more = ""): string =>
  `<text x="${x}" y="${y}"${more}>${escaped(text)}</text>`;

/** Viewers show an image in their own scheme, whatever the page has: it needs a background of its own. */
const style = `<style>
text { font-family: system-ui, sans-serif; font-size: 15px; fill: #1f2328; stroke: #ffffff; stroke-width: 3px; paint-order: stroke }
.title { font-weight: 600; font-size: 17px } .note { fill: #59636e; font-size: 14px }
.page { fill: #ffffff } .bar { fill: #3451b2 } .mark { stroke: #59636e; stroke-dasharray: 4 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; stroke: #161618 } .note { fill: #9198a1 } .page { fill: #161618 } .bar { fill: #a8b1ff } .mark { stroke: #9198a1 }
}
</style>`;

/** Draws bars from top to bottom. */
function draw({ title, note, groups, mark }: Picture): string {
  const most = Math.max(mark?.value ?? 0, ...groups.flatMap(({ bars }) => bars.map(({ value }) => value)));
  const across = (value: number): number => LEFT + (Math.max(value, 0) / most) * (RIGHT - LEFT);
  const lines: string[] = [];
  let y = HEADER;
  for (const { caption, bars } of groups) {
    lines.push(words(16, y + 16, caption));
    y += CAPTION;
    for (const { label, value, text } of bars) {
      lines.push(
        words(LEFT - 8, y + 15, label, ' class="note" text-anchor="end"'),
        `<rect class="bar" x="${LEFT}" y="${y + 2}" width="${Math.max(across(value) - LEFT, 1).toFixed(1)}" height="16" rx="2"/>`,
        words(Math.round(across(value)) + 6, y + 15, text, ' class="note"'),
      );
      y += BAR;
    }
    y += GAP;
  }
  if (mark !== undefined) {
    const x = across(mark.value).toFixed(1);
    // Behind the numbers, which hide it where they meet.
    lines.unshift(`<line class="mark" x1="${x}" x2="${x}" y1="${HEADER}" y2="${y - GAP}"/>`);
    lines.push(words(Number(x), y + 4, mark.label, ' class="note" text-anchor="middle"'));
  }
  const height = y + FOOTER - GAP;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    style,
    `<rect class="page" width="${WIDTH}" height="${height}"/>`,
    words(16, 26, title, ' class="title"'),
    words(16, 48, note, ' class="note"'),
    ...lines,
    "</svg>",
    "",
  ].join("\n");
}

/** The rows of a section, by the beginning of its title; empty if it was not measured. */
function rowsOf(results: Results, section: string): readonly Row[] {
  return [...results].find(([title]) => title.startsWith(section))?.[1] ?? [];
}

/**
 * Collects the rows of each measured case in a group.
 *
 * @param captions - the captions of the groups, by the `what` of their rows
 * @returns `undefined` if none of them was measured
 */
function groupsOf(
  rows: readonly Row[],
  captions: Readonly<Record<string, string>>,
  barOf: (row: Row) => Omit<Bar, "label">,
): readonly Group[] | undefined {
  const groups = Object.entries(captions).map(([what, caption]) => ({
    caption,
    bars: rows.filter((row) => row.what === what).map((row) => ({ label: row.who, ...barOf(row) })),
  }));
  const empty = groups.filter(({ bars }) => bars.length === 0).map(({ caption }) => caption);
  if (empty.length === groups.length) return undefined;
  if (empty.length > 0) throw new Error(`no result for ${empty.join(", ")}; a section has renamed its rows`);
  return groups;
}

/**
 * Draws what a call costs above the same call in C.
 *
 * @returns an SVG file; `undefined` if the run did not measure it
 */
export function callsPicture(results: Results): string | undefined {
  const groups = groupsOf(
    rowsOf(results, "Calls"),
    {
      "encryptInto, memory reused, above C": "Encrypt 16 bytes, in the same memory as before",
      "encryptInto, fresh views, 16 bytes, above C": "Encrypt 16 bytes, in other memory each time",
      "sealInto, fresh views, 64 bytes, above C": "Seal 64 bytes with AES-GCM, in other memory each time",
    },
    ({ value }) => ({ value, text: `${value.toFixed(0)} ns` }),
  );
  const note = "Nanoseconds of each call that the same call in C does not take; less is better";
  return groups && draw({ title: "What a call costs above C", note, groups });
}

/**
 * Draws the throughput of the software device, relative to node:crypto in the same runtime.
 *
 * @returns an SVG file; `undefined` if the run did not measure it
 */
export function throughputPicture(results: Results): string | undefined {
  const groups = groupsOf(
    rowsOf(results, "Software"),
    {
      "gcm of 64 bytes, time relative to node:crypto": "64 bytes",
      "gcm of 4096 bytes, time relative to node:crypto": "4 KiB",
      "gcm of 65536 bytes, time relative to node:crypto": "64 KiB",
    },
    ({ value }) => ({ value: 1 / value, text: `${(100 / value).toFixed(0)} %` }),
  );
  const note = "AES-GCM, one call per message; more is better";
  const mark = { value: 1, label: "node:crypto" };
  return groups && draw({ title: "Throughput of the software device, beside node:crypto", note, groups, mark });
}
