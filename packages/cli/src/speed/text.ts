import { type Measurement, megabytes, rate } from "./measure.ts";
import type { Result, SizeResult } from "./results.ts";

/** The length of the longest bar in characters. */
const WIDTH = 50;

const number = (value: number): string => value.toFixed(value < 100 ? 2 : 0);

const numbers = (bytes: number, measurement: Measurement): string[] => [
  number(megabytes(measurement, bytes)),
  number(rate(measurement)),
];

const columns = [
  { name: "bytes", width: 6 },
  { name: "MB/s", width: 8 },
  { name: "ops/s", width: 9 },
  { name: "wall s", width: 6 },
  { name: "user s", width: 6 },
  { name: "system s", width: 8 },
  { name: "node MB/s", width: 9 },
  { name: "node ops/s", width: 10 },
] as const;

/** Formats one line of a table. The columns have fixed widths because the other lines are not known yet. */
const inColumns = (cells: readonly string[]): string =>
  cells.map((cell, index) => cell.padStart(columns[index]?.width ?? 0)).join("  ");

/** Formats the header above the rows of an algorithm. */
export const headOf = (result: Omit<Result, "sizes">): string =>
  `${title(result)}\n${inColumns(columns.map(({ name }) => name))}`;

/** Formats the numbers of an algorithm for one size in columns. */
export function rowOf({ bytes, device, node }: SizeResult): string {
  const times = [device.seconds, device.userSeconds, device.systemSeconds].map((seconds) => seconds.toFixed(2));
  const other = node === undefined ? ["-", "-"] : numbers(bytes, node);
  return inColumns([`${bytes}`, ...numbers(bytes, device), ...times, ...other]);
}

/** Formats an algorithm, its key size and its driver in one line. */
export function title({ algorithm, keySize, capability }: Omit<Result, "sizes">): string {
  const key = keySize === 0 ? "" : `, key of ${keySize} bytes`;
  return `${algorithm}${key}, by ${capability.driver} (${capability.hardware ? "hardware" : "software"})`;
}

/** Draws the throughput of an algorithm as bars. */
export function barsOf(result: Result): string {
  const fastest = Math.max(
    ...result.sizes.flatMap(({ bytes, device, node }) => [
      megabytes(device, bytes),
      node === undefined ? 0 : megabytes(node, bytes),
    ]),
  );
  const bar = (character: string, value: number): string =>
    `${character.repeat(Math.max(1, Math.round((value / fastest) * WIDTH)))} ${number(value)}`;
  const lines = result.sizes.flatMap(({ bytes, device, node }) => [
    `${`${bytes}`.padStart(10)}  ${bar("█", megabytes(device, bytes))}`,
    ...(node === undefined ? [] : [`${" ".repeat(12)}${bar("░", megabytes(node, bytes))}`]),
  ]);
  return [`${title(result)}: MB/s, █ the device, ░ node:crypto`, ...lines].join("\n");
}
