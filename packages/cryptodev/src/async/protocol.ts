import {
  ClosedError,
  CryptodevError,
  type Refusal,
  type Session,
  type SessionInfo,
  UnsupportedError,
} from "@cryptodev/core";
import type { OpenOptions } from "../open.ts";

/** How a worker opens its device. */
export type WorkerOptions = Pick<OpenOptions, "backend" | "path" | "hardware" | "chunkSize">;

/** What a worker is started with, under a key that `workerData` of no other worker has. */
export interface WorkerStart {
  readonly options: WorkerOptions;
  /** The runtime as the entry of the thread that starts it sees it; it decides on the host. */
  readonly runtime: string;
  /** What the worker holds, by {@link held}, for the thread that outlives it. */
  readonly held: Int32Array;
}

/** The key in `workerData`. A string: symbols are not cloned. */
export const startKey = "cryptodev.openAsync";

/** The elements of `held`: the descriptor of the device, and the kernel's number of the thread. -1 if there is none. */
export const held = { descriptor: 0, thread: 1 } as const;

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
export type Job = StartJob | OperationJob | EndJob;

/** Starts a session. */
export interface StartJob {
  readonly kind: "start";
  /** The number that the session gets. */
  readonly session: number;
  /** The method of the device. */
  readonly method: string;
  readonly name: string;
  /** Shared with the thread that posts it, which can so wipe it whatever becomes of this one. */
  readonly key: SharedArrayBuffer | undefined;
  readonly options: object | undefined;
}

/** Calls a method of a session; `close` ends it. */
export interface OperationJob {
  readonly kind: "operation";
  readonly session: number;
  readonly method: string;
  readonly args: readonly unknown[];
  /** Set to 1 when nobody waits for the result any more. */
  readonly cancelled: Int32Array;
}

/** Closes the device. */
export interface EndJob {
  readonly kind: "end";
}

/** What a session's start is answered with. */
export interface Started {
  /** The session's name, which is one form of what people write. */
  readonly name: string;
  readonly info: SessionInfo;
  /** Bytes in an iv; 0 for a session without one. */
  readonly ivSize: number;
}

/** What to answer with. A session that cannot be introduced is ended: nobody would know of it. */
export function introduce(session: Session & { readonly name: string; readonly ivSize?: number }): Started {
  try {
    return { name: session.name, info: session.info(), ivSize: session.ivSize ?? 0 };
  } catch (error) {
    session.close();
    throw error;
  }
}

/** What comes back. */
export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: Failure };

/** An error in a form that can be posted. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly refusal?: Refusal;
}

export function toFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message } = error;
  if (!(error instanceof CryptodevError)) return { name, message };
  const { errno, code, syscall, ioctl, path } = error;
  const hint = message.slice(`${ioctl ?? syscall} ${path}: ${code}, `.length);
  return { name, message, refusal: { errno, syscall, path, hint, ...(ioctl === undefined ? {} : { ioctl }) } };
}

/** The error again, of the class that it had in the worker. */
export function fromFailure({ name, message, refusal }: Failure): Error {
  if (refusal !== undefined) return new CryptodevError(refusal);
  if (name === "TypeError") return new TypeError(message);
  if (name === "RangeError") return new RangeError(message);
  if (name === "ClosedError") return new ClosedError(message);
  if (name === "UnsupportedError") return Object.assign(new UnsupportedError(""), { message });
  return Object.assign(new Error(message), { name });
}
