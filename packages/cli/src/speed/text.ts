import { wrap } from "../width.ts";
import { load, type Measurement, megabytes, spread } from "./measure.ts";
import type { Result, SizeResult } from "./results.ts";

/** The length of the longest bar in characters, if there is room. */
const LONGEST = 50;

const number = (value: number): string => value.toFixed(value < 100 ? 2 : 0);
const percent = (fraction: number): string => `${(fraction * 100).toFixed(0)}%`;

interface Column {
  readonly name: string;
  readonly width: number;
  readonly cell: (bytes: number, device: Measurement, node: Measurement | undefined) => string;
  /** In which order columns are omitted if they do not fit. */
  readonly dispensable?: number;
}

const columns: readonly Column[] = [
  { name: "bytes", width: 8, cell: (bytes) => `${bytes}` },
  { name: "MB/s", width: 8, cell: (bytes, { rate }) => number(megabytes(rate, bytes)) },
  { name: "±", width: 4, cell: (_, device) => percent(spread(device)), dispensable: 5 },
  { name: "CPU", width: 4, cell: (_, device) => percent(load(device)), dispensable: 3 },
  { name: "ops/s", width: 8, cell: (_, { rate }) => rate.toFixed(0), dispensable: 1 },
  {
    name: "node MB/s",
    width: 9,
    cell: (bytes, _, node) => (node === undefined ? "-" : number(megabytes(node.rate, bytes))),
  },
  {
    name: "±",
    width: 4,
    cell: (_, __, node) => (node === undefined ? "-" : percent(spread(node))),
    dispensable: 4,
  },
  {
    name: "CPU",
    width: 4,
    cell: (_, __, node) => (node === undefined ? "-" : percent(load(node))),
    dispensable: 2,
  },
];

const GAP = 2;

/** The columns for which there is room. Their widths are fixed, because the other lines are not known yet. */
function fitting(width: number): readonly Column[] {
  let shown = columns;
  for (let next = 1; shown.reduce((sum, column) => sum + column.width + GAP, -GAP) > width; next += 1) {
    const less = shown.filter(({ dispensable }) => dispensable !== next);
    if (less.length === shown.length) break;
    shown = less;
  }
  return shown;
}

/** Formats the names of the columns. */
export const headOf = (width: number): string =>
  fitting(width)
    .map((column) => column.name.padStart(column.width))
    .join(" ".repeat(GAP));

/** Formats the numbers of an algorithm for one size in columns. */
export const rowOf = ({ bytes, device, node }: SizeResult, width: number): string =>
  fitting(width)
    .map((column) => column.cell(bytes, device, node).padStart(column.width))
    .join(" ".repeat(GAP));

/** Formats an algorithm, its key size and its driver in one line. */
export function title({ algorithm, keySize, capability }: Omit<Result, "sizes">): string {
  const key = keySize === 0 ? "" : `, key of ${keySize} bytes`;
  return `${algorithm}${key}, by ${capability.driver} (${capability.hardware ? "hardware" : "software"})`;
}

/** Draws the throughput of an algorithm as bars. */
export function barsOf(result: Result, width: number): string {
  const fastest = Math.max(
    ...result.sizes.flatMap(({ bytes, device, node }) => [
      megabytes(device.rate, bytes),
      node === undefined ? 0 : megabytes(node.rate, bytes),
    ]),
  );
  // Before a bar is the size, and behind it a number.
  const longest = Math.max(Math.min(LONGEST, width - 12 - 9), 1);
  const bar = (character: string, value: number): string =>
    `${character.repeat(Math.max(1, Math.round((value / fastest) * longest)))} ${number(value)}`;
  const lines = result.sizes.flatMap(({ bytes, device, node }) => [
    `${`${bytes}`.padStart(10)}  ${bar("█", megabytes(device.rate, bytes))}`,
    ...(node === undefined ? [] : [`${" ".repeat(12)}${bar("░", megabytes(node.rate, bytes))}`]),
  ]);
  return [wrap("MB/s, █ the device, ░ node:crypto", width), ...lines].join("\n");
}
