import type { Capability } from "@cryptodev/core";
import type { AnsweredBy } from "../answered_by.ts";
import type { Measured } from "./contenders.ts";
import type { Measurement } from "./measure.ts";

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
  readonly answeredBy: AnsweredBy;
  readonly sizes: readonly SizeResult[];
}

/** The algorithm's name, with `hmac-` for an HMAC: the device uses the same name for a hash and its HMAC. */
export const nameOf = ({ kind, name }: Capability): string => (kind === "hmac" ? `hmac-${name}` : name);

/**
 * Compares the device with node:crypto.
 *
 * @returns `"close"` if the middle halves of their rounds overlap, so that the order may be chance
 */
function outcomeOf(device: Measurement, node: Measurement): "faster" | "slower" | "close" {
  if (device.low > node.high) return "faster";
  return device.high < node.low ? "slower" : "close";
}

/**
 * Finds the smallest size such that the device is faster than node:crypto for it and for all larger sizes.
 *
 * @returns the size in bytes; `null` if there is none; `undefined` if node:crypto does not have the algorithm, or if the
 *   measurements of the largest size overlap
 */
export function breakEven({ sizes }: Pick<Result, "sizes">): number | null | undefined {
  const outcomes = sizes.map(({ device, node }) => node && outcomeOf(device, node));
  const last = outcomes.at(-1);
  if (last === undefined || last === "close" || outcomes.includes(undefined)) return undefined;
  const isFaster = outcomes.map((outcome) => outcome === "faster");
  return sizes[isFaster.lastIndexOf(false) + 1]?.bytes ?? null;
}

/** Summarises a result in one sentence. */
export function verdict(result: Result): string {
  const [first, last] = [result.sizes[0], result.sizes.at(-1)];
  if (result.algorithm === "null") return "This is the cost of a call: nothing is encrypted.";
  if (result.answeredBy === "process") return "No verdict: the software device uses node:crypto itself.";
  if (result.answeredBy !== "kernel") return "No verdict: another process serves this device in software.";
  if (last?.node === undefined) return "node:crypto does not have this algorithm here.";
  const from = breakEven(result);
  if (from === undefined) return `No verdict: the ranges at ${last.bytes} bytes overlap; try --seconds 2.`;
  if (from === null) return `Not faster than node:crypto here at ${last.bytes} bytes.`;
  return from === first?.bytes
    ? `Faster than node:crypto here at every size.`
    : `Faster than node:crypto here from ${from} bytes on.`;
}
