import type { Capability, Device } from "@cryptodev/core";
import type { Measured } from "./contenders.ts";
import { type Measurement, megabytes } from "./measure.ts";

/** The measurements of the device and of this runtime's node:crypto, for data of one size. */
export interface SizeResult {
  /** Bytes per operation. */
  readonly bytes: number;
  readonly device: Measurement;
  /** `undefined` if node:crypto does not have the algorithm. */
  readonly node: Measurement | undefined;
}

/** The results of one algorithm, with sizes in ascending order. */
export interface Result {
  /** The algorithm's name; that of an HMAC starts with `hmac-`. */
  readonly algorithm: string;
  readonly capability: Measured;
  readonly keySize: number;
  readonly backend: Device["backend"];
  readonly sizes: readonly SizeResult[];
}

/** The algorithm's name, with `hmac-` for an HMAC: the device uses the same name for a hash and its HMAC. */
export const nameOf = ({ kind, name }: Capability): string => (kind === "hmac" ? `hmac-${name}` : name);

/**
 * Finds the smallest size such that the device is at least as fast as node:crypto for it and for all larger sizes.
 *
 * @returns the size in bytes; `null` if there is none, `undefined` if there is nothing to compare the device with
 */
export function breakEven({ sizes }: Pick<Result, "sizes">): number | null | undefined {
  if (sizes.length === 0 || sizes.some(({ node }) => node === undefined)) return undefined;
  const lost = sizes.map(({ bytes, device, node }) => megabytes(device, bytes) < megabytes(node as Measurement, bytes));
  return sizes[lost.lastIndexOf(true) + 1]?.bytes ?? null;
}

/** Summarises a result in one sentence. */
export function verdict(result: Result): string {
  const from = breakEven(result);
  const [first, last] = [result.sizes[0]?.bytes, result.sizes.at(-1)?.bytes];
  if (result.algorithm === "null") return "This is the cost of a call: nothing is encrypted.";
  if (result.backend === "software") return "No verdict: the software device uses node:crypto itself.";
  if (from === undefined) return "node:crypto does not have this algorithm here.";
  if (from === null) return `Never faster than node:crypto here, up to ${last} bytes.`;
  return from === first
    ? `Faster than node:crypto here at every size.`
    : `Faster than node:crypto here from ${from} bytes on.`;
}
