import type { Capability, Device } from "cryptodev";
import { type Measurement, megabytes } from "./measure.ts";

/** Data of one size: how fast the device was, and this runtime's node:crypto. */
export interface SizeResult {
  /** Of the data of one operation. */
  readonly bytes: number;
  readonly device: Measurement;
  /** `undefined` where it has no such algorithm. */
  readonly node: Measurement | undefined;
}

/** One algorithm, over all sizes from the smallest to the biggest. */
export interface Result {
  /** The algorithm's name, with `hmac-` where it is one. */
  readonly algorithm: string;
  readonly capability: Capability;
  readonly keySize: number;
  readonly backend: Device["backend"];
  readonly sizes: readonly SizeResult[];
}

/** The algorithm's name, which hashes and HMACs share to the device. */
export const nameOf = ({ kind, name }: Capability): string => (kind === "hmac" ? `hmac-${name}` : name);

/**
 * From which size on the device is as fast as node:crypto.
 *
 * @returns bytes; `null` where it never is, `undefined` where there is nothing to compare it with
 */
export function breakEven({ sizes }: Pick<Result, "sizes">): number | null | undefined {
  if (sizes.length === 0 || sizes.some(({ node }) => node === undefined)) return undefined;
  const lost = sizes.map(({ bytes, device, node }) => megabytes(device, bytes) < megabytes(node as Measurement, bytes));
  return sizes[lost.lastIndexOf(true) + 1]?.bytes ?? null;
}

/** The same in words. */
export function verdict(result: Result): string {
  const from = breakEven(result);
  const [first, last] = [result.sizes[0]?.bytes, result.sizes.at(-1)?.bytes];
  if (result.algorithm === "null") return "That is the price of a call: nothing is encrypted.";
  if (result.backend === "software") return "No verdict: the software device uses node:crypto itself.";
  if (from === undefined) return "node:crypto has no such algorithm here.";
  if (from === null) return `Never faster than node:crypto here, up to ${last} bytes.`;
  return from === first
    ? `Faster than node:crypto here at every size.`
    : `Faster than node:crypto here from ${from} bytes on.`;
}
