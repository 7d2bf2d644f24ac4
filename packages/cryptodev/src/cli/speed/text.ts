import { table } from "../table.ts";
import { type Measurement, megabytes, rate } from "./measure.ts";
import { type Result, type SizeResult, verdict } from "./results.ts";

/** The longest bar, in characters. */
const WIDTH = 50;

const number = (value: number): string => value.toFixed(value < 100 ? 2 : 0);

const numbers = (bytes: number, measurement: Measurement): string[] => [
  number(megabytes(measurement, bytes)),
  number(rate(measurement)),
];

function row({ bytes, device, node }: SizeResult): string[] {
  const times = [device.seconds, device.userSeconds, device.systemSeconds].map((seconds) => seconds.toFixed(2));
  const other = node === undefined ? ["-", "-"] : numbers(bytes, node);
  return [`${bytes}`, ...numbers(bytes, device), ...times, ...other];
}

/** What an algorithm is done by, in a line. */
export function title({ algorithm, keySize, capability }: Result): string {
  const key = keySize === 0 ? "" : `, key of ${keySize} bytes`;
  return `${algorithm}${key}, by ${capability.driver} (${capability.hardware ? "hardware" : "software"})`;
}

/** An algorithm's numbers in columns, and what they come to. */
export async function numbersOf(result: Result): Promise<string> {
  const head = ["bytes", "MB/s", "ops/s", "wall s", "user s", "system s", "node MB/s", "node ops/s"];
  const lines = await table(head, result.sizes.map(row));
  return `${title(result)}\n${lines}\n${verdict(result)}\n`;
}

/** An algorithm's throughput as bars. */
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
  return [`${title(result)}: MB/s, █ the device, ░ node:crypto`, ...lines, verdict(result), ""].join("\n");
}
