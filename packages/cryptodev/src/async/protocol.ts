import {
  AuthenticationError,
  BusyError,
  ClosedError,
  CryptodevError,
  type FailedCall,
  HardwareRequiredError,
  type SessionInfo,
  UnsupportedError,
} from "@cryptodev/core";
import type { OpenOptions } from "../open.ts";

/** The options with which a worker opens its device. */
export type WorkerOptions = Pick<OpenOptions, "backend" | "path" | "hardware" | "chunkSize">;

/** What a worker is started with, under a key in `workerData` that other workers do not have. */
export interface WorkerStart {
  readonly options: WorkerOptions;
  /** The `runtime` of the entry in the thread that starts the worker. It selects the host. */
  readonly runtime: string;
  /** What the worker holds open, indexed by {@link held}, for the thread that outlives it. */
  readonly held: Int32Array;
}

/** The key in `workerData`. It is a string because symbols cannot be cloned. */
export const startKey = "cryptodev.openAsync";

/** The elements of `held`: the device's descriptor, and the kernel's number of the thread; -1 if there is none. */
export const held = { descriptor: 0, thread: 1 } as const;

/** Replaces a view with the ArrayBuffer that it fills: Deno serialises a view element by element, 75 ms per MiB. */
export function toWire(value: unknown): unknown {
  const isWhole = value instanceof Uint8Array && value.byteLength === value.buffer.byteLength;
  return isWhole && value.buffer instanceof ArrayBuffer ? value.buffer : value;
}

/** Reverses {@link toWire}. */
export function fromWire(value: unknown): unknown {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : value;
}

/** One job for a worker. */
export type Job = StartJob | OperationJob | EndJob;

/** Starts a session. */
export interface StartJob {
  readonly kind: "start";
  /** The new session's number. */
  readonly session: number;
  /** The name of the device's method. */
  readonly method: string;
  readonly name: string;
  /** Shared memory, so that the thread that posts it can wipe it whatever happens to the worker. */
  readonly key: SharedArrayBuffer | undefined;
  readonly options: object | undefined;
}

/** Calls a method of a session; `close` ends it. */
export interface OperationJob {
  readonly kind: "operation";
  readonly session: number;
  readonly method: string;
  readonly args: readonly unknown[];
  /** Set to 1 when the result is no longer needed. */
  readonly cancelled: Int32Array;
}

/** Closes the device. */
export interface EndJob {
  readonly kind: "end";
}

/** The answer to a {@link StartJob}. */
export interface Started {
  /** The session's name in its normal form. */
  readonly name: string;
  readonly info: SessionInfo;
  /** Bytes in an iv; 0 for a session without one. */
  readonly ivSize: number;
}

/** The part of a session that describes it. */
export interface Introduced {
  readonly name: string;
  readonly ivSize?: number;
  info(): SessionInfo;
  close(): void;
}

/** Describes a new session. If that fails, closes it, because nothing else could. */
export function introduce(session: Introduced): Started {
  try {
    return { name: session.name, info: session.info(), ivSize: session.ivSize ?? 0 };
  } catch (error) {
    session.close();
    throw error;
  }
}

/** A message from the worker. */
export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: Failure };

/** An error in a form that can be posted. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  /** What else an error of this library has, which its constructor accepts. */
  readonly parts?: FailedCall | Pick<HardwareRequiredError, "algorithm" | "driver"> | Pick<UnsupportedError, "code">;
}

export function toFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message } = error;
  if (error instanceof CryptodevError) {
    const { errno, syscall, ioctl, path, hint } = error;
    return { name, message, parts: { errno, syscall, ioctl, path, hint } };
  }
  if (error instanceof HardwareRequiredError) {
    return { name, message, parts: { algorithm: error.algorithm, driver: error.driver } };
  }
  return error instanceof UnsupportedError ? { name, message, parts: { code: error.code } } : { name, message };
}

/** Restores an error, with the class that it had in the worker. */
export function fromFailure({ name, message, parts = { code: "threads" } }: Failure): Error {
  if (name === "CryptodevError") return new CryptodevError(parts as FailedCall);
  if (name === "AuthenticationError") return new AuthenticationError();
  if (name === "BusyError") return new BusyError(message);
  if (name === "ClosedError") return new ClosedError(message);
  if (name === "HardwareRequiredError") {
    const { algorithm, driver } = parts as HardwareRequiredError;
    return new HardwareRequiredError(algorithm, driver);
  }
  if (name === "UnsupportedError") {
    return Object.assign(new UnsupportedError((parts as UnsupportedError).code, ""), { message });
  }
  if (name === "TypeError") return new TypeError(message);
  if (name === "RangeError") return new RangeError(message);
  return Object.assign(new Error(message), { name });
}
