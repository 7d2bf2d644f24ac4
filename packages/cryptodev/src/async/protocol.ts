import { ClosedError, CryptodevError, type Refusal, UnsupportedError } from "@cryptodev/core";
import type { OpenOptions } from "../open.ts";

/** What goes to a worker first: how it opens its device. */
export type WorkerOptions = Pick<OpenOptions, "backend" | "path" | "hardware" | "chunkSize">;

/** Bytes travel as the buffer that they fill: of a view, Deno posts each element by itself, 75 ms for each MiB. */
export function toWire(value: unknown): unknown {
  const isWhole = value instanceof Uint8Array && value.byteLength === value.buffer.byteLength;
  return isWhole && value.buffer instanceof ArrayBuffer ? value.buffer : value;
}

/** Makes bytes of what {@link toWire} made of them. */
export function fromWire(value: unknown): unknown {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : value;
}

/** One job for a worker. */
export interface Job {
  readonly id: number;
  /** The session to call; of a start, the number that it gets. */
  readonly session: number;
  /** The method of a session to call; of a start, that of the device. */
  readonly method: string;
  readonly args: readonly unknown[];
  readonly isStart: boolean;
  /** Set to 1 when nobody waits for the result any more. */
  readonly cancelled: Int32Array;
}

/** What comes back. */
export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: Failure };

/** An error in a form that can be posted. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly refusal?: Omit<Refusal, "hint">;
}

export function toFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message } = error;
  if (!(error instanceof CryptodevError)) return { name, message };
  const { errno, syscall, ioctl, path } = error;
  return { name, message, refusal: { errno, syscall, path, ...(ioctl === undefined ? {} : { ioctl }) } };
}

/** The error again, of the class that it had in the worker. */
export function fromFailure({ name, message, refusal }: Failure): Error {
  if (refusal !== undefined) {
    // The message holds its own beginning already: what comes after the code is the hint.
    const hint = message.slice(message.indexOf(", ") + 2);
    return new CryptodevError({ ...refusal, hint });
  }
  if (name === "TypeError") return new TypeError(message);
  if (name === "RangeError") return new RangeError(message);
  if (name === "ClosedError") return new ClosedError(message);
  if (name === "UnsupportedError") return Object.assign(new UnsupportedError(""), { message });
  return Object.assign(new Error(message), { name });
}
