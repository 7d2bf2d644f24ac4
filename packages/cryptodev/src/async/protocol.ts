import {
  type Aead,
  type AeadMessage,
  AuthenticationError,
  BusyError,
  type Cipher,
  ClosedError,
  CryptodevError,
  type Device,
  type FailedCall,
  HardwareRequiredError,
  type Statistics,
  UnsupportedError,
} from "@cryptodev/core";
import { CIOCAUTHCRYPT, CIOCCPHASH, type SizeRange } from "@cryptodev/core/abi";
import type { OpenOptions } from "../open.ts";

/** The options with which a worker opens its device. */
export type WorkerOptions = Pick<OpenOptions, "backend" | "path" | "hardware" | "chunkSize" | "statistics">;

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

/** The number of the device among the objects of a worker. */
export const DEVICE = 0;

/** The methods that return a new object: a session of the device, a copy of a hash, or the chunks of a cipher. */
export const startMethods = [
  "cipher",
  "hash",
  "hmac",
  "aead",
  "cipherWithMac",
  "tls",
  "srtp",
  "copy",
  "encryptor",
  "decryptor",
] as const;

/** The methods that return data. */
export const callMethods = [
  "capabilities",
  "answers",
  "info",
  "encrypt",
  "decrypt",
  "update",
  "final",
  "digest",
  "seal",
  "open",
] as const;

export type StartMethod = (typeof startMethods)[number];
export type CallMethod = (typeof callMethods)[number];

/** One argument: bytes, which are a private copy; a key, in shared memory; a plain value; or an object of such. */
export type Argument = Uint8Array | string | number | boolean | undefined | { readonly [name: string]: Argument };

/** One job for a worker. */
export type Job = StartJob | CallJob | CloseJob;

/** Calls a method of the device or a session, and keeps the object that it returns. */
export interface StartJob {
  readonly kind: "start";
  /** The number of the new object. */
  readonly object: number;
  /** The number of the object whose method is called. */
  readonly of: number;
  readonly method: StartMethod;
  readonly args: readonly unknown[];
}

/** Calls a method of an object and returns its result. */
export interface CallJob {
  readonly kind: "call";
  /** The number of the object whose method is called. */
  readonly of: number;
  readonly method: CallMethod;
  readonly args: readonly unknown[];
  /** Set to 1 when the result is no longer needed; missing if the call cannot be aborted. */
  readonly cancelled?: Int32Array;
}

/** Closes a session, or the device with all its sessions. */
export interface CloseJob {
  readonly kind: "close";
  /** The number of the object. */
  readonly of: number;
}

/** What a new session says of itself. Each kind of session has some of the sizes. */
export interface Introduction {
  readonly id: number;
  readonly name: string;
  readonly mac?: string;
  readonly blockSize?: number;
  readonly ivSize?: number;
  readonly tagSize?: number;
  readonly macSize?: number;
  readonly digestSize?: number;
  readonly nonceSize?: SizeRange;
  readonly overhead?: number;
  readonly statistics?: Statistics;
}

const properties = [
  "id",
  "name",
  "mac",
  "blockSize",
  "ivSize",
  "tagSize",
  "macSize",
  "digestSize",
  "nonceSize",
  "overhead",
  "statistics",
] as const satisfies readonly (keyof Introduction)[];

/** Reads the introduction of a new object. Chunks have none of its properties. */
export function introduce(object: object): Introduction {
  const source = object as { readonly [name: string]: unknown };
  const introduction = Object.fromEntries(properties.map((name) => [name, source[name]]));
  return introduction as unknown as Introduction;
}

/** The result of a call. */
export interface Outcome {
  readonly result: unknown;
  /** The counts of the session after the call, if the device counts. */
  readonly statistics: Statistics | undefined;
}

/** A message from the worker: an {@link Outcome}; the result of a start is an {@link Introduction}. */
export interface Answer extends Outcome {
  readonly id: number;
  /** Why the job failed; `undefined` if it did not. */
  readonly failure: Failure | undefined;
}

/** The class of a value, whichever realm it is from: Jest runs programs in a realm of their own. */
function classOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

function mapMembers(value: unknown, change: (member: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(value as object).map(([name, member]) => [name, change(member)]));
}

/** From this many bytes on, a message takes a buffer along; to copy a smaller one costs less. */
const TRANSFERRED = 2048;

/**
 * Replaces views, also in objects, with the ArrayBuffer that they fill: Deno serialises a view element by element, 75 ms
 * per MiB, and a view of a part takes its whole buffer along. A key is in shared memory, and stays there.
 *
 * @param transfer - receives the buffers that the message may take along instead of copying them
 */
export function toWire(value: unknown, transfer: ArrayBuffer[]): unknown {
  if (!(value instanceof Uint8Array)) {
    const isRecord = typeof value === "object" && classOf(value) === "Object";
    return isRecord ? mapMembers(value, (member) => toWire(member, transfer)) : value;
  }
  const { buffer } = value;
  if (buffer instanceof SharedArrayBuffer) return buffer;
  const whole = value.byteLength === buffer.byteLength ? buffer : (value.slice().buffer as ArrayBuffer);
  if (whole.byteLength >= TRANSFERRED) transfer.push(whole);
  return whole;
}

/**
 * Reverses {@link toWire}.
 *
 * @param keys - receives private copies of the keys, which the caller wipes
 */
export function fromWire(value: unknown, keys: Uint8Array[] = []): unknown {
  if (typeof value !== "object" || value === null) return value;
  const kind = classOf(value);
  if (kind === "ArrayBuffer") return new Uint8Array(value as ArrayBuffer);
  if (kind === "Object") return mapMembers(value, (member) => fromWire(member, keys));
  if (kind !== "SharedArrayBuffer") return value;
  const shared = new Uint8Array(value as SharedArrayBuffer);
  const key = new Uint8Array(new ArrayBuffer(shared.length));
  key.set(shared);
  keys.push(key);
  return key;
}

/** Uses arguments in the form in which a thread receives them, with private copies of the keys, which it then wipes. */
export function received<T>(args: readonly unknown[], use: (args: readonly unknown[]) => T): T {
  const keys: Uint8Array[] = [];
  try {
    return use(args.map((arg) => fromWire(arg, keys)));
  } finally {
    for (const key of keys) key.fill(0);
  }
}

/** Uses arguments in this thread as another one receives them: its keys are private copies, and wiped afterwards. */
export function asReceived<T>(args: readonly Argument[], use: (args: readonly unknown[]) => T): T {
  const wire = args.map((arg) => toWire(arg, []));
  return received(wire, use);
}

/** An object of a worker, by its methods. */
export type Methods = Record<string, (...args: readonly unknown[]) => unknown>;

function isCipher(session: object): session is Cipher<"aes-ctr"> {
  return "encryptor" in session;
}

function isAead(session: object): session is Aead {
  return "nonceSize" in session;
}

/**
 * Calls a method of an object with arguments that nothing else refers to. A result that fits replaces the data in its
 * memory: new memory for 1 MiB costs about as much time as to encrypt it.
 */
export function operate(object: object, method: string, args: readonly unknown[]): unknown {
  const [data] = args;
  if (data instanceof Uint8Array) {
    if (isCipher(object) && (method === "encrypt" || method === "decrypt")) {
      const [, iv] = args as readonly [unknown, Uint8Array?];
      // With a wrong iv, the method throws an error that names its own parameters.
      if ((iv?.length ?? 0) === object.ivSize)
        return data.subarray(0, object[`${method}Into`](data, data, iv as Uint8Array));
    }
    if (isAead(object)) {
      const [, message, room = 0] = args as readonly [unknown, OpenMessage?, number?];
      if (method === "seal" && room > 0) {
        return data.subarray(0, object.sealInto(data.subarray(0, data.length - room), data, message));
      }
      if (method === "open" && message?.tag === undefined) {
        const body = data.subarray(object.overhead - object.tagSize);
        return body.subarray(0, object.openInto(data, body, message));
      }
    }
  }
  return (object as Methods)[method]?.(...args);
}

type OpenMessage = AeadMessage & { readonly tag?: Uint8Array };

/** Asks the driver whether it supports an ioctl of this name: only these two are in question anywhere. */
export function answers(device: Device, name: unknown): boolean {
  const ioctl = [CIOCAUTHCRYPT, CIOCCPHASH].find((one) => one.name === name);
  return ioctl === undefined || device.answers(ioctl);
}

/** An error in a form that can be posted. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  /** What else an error of this library has, which its constructor accepts. */
  readonly parts?: FailedCall | Pick<HardwareRequiredError, "algorithm" | "driver"> | Pick<UnsupportedError, "code">;
  readonly cause?: Failure;
}

function partsOf(error: Error): Pick<Failure, "parts"> {
  if (error instanceof CryptodevError) {
    const { errno, syscall, ioctl, path, hint } = error;
    return { parts: { errno, syscall, ioctl, path, hint } };
  }
  if (error instanceof HardwareRequiredError) return { parts: { algorithm: error.algorithm, driver: error.driver } };
  return error instanceof UnsupportedError ? { parts: { code: error.code } } : {};
}

/** A chain of causes may have no end: one cause can be its own. */
const MAX_CAUSES = 8;

export function toFailure(error: unknown, depth = 0): Failure {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message, cause } = error;
  const failure = { name, message, ...partsOf(error) };
  return cause === undefined || depth === MAX_CAUSES ? failure : { ...failure, cause: toFailure(cause, depth + 1) };
}

/** Restores an error, with the class that it had in the worker. */
export function fromFailure(failure: Failure): Error {
  const error = errorOf(failure);
  if (failure.cause !== undefined) {
    // Not enumerable, as the constructor of Error defines it.
    const value = fromFailure(failure.cause);
    Object.defineProperty(error, "cause", { value, writable: true, configurable: true });
  }
  return error;
}

function errorOf({ name, message, parts = { code: "threads" } }: Failure): Error {
  switch (name) {
    case "CryptodevError":
      return new CryptodevError(parts as FailedCall);
    case "AuthenticationError":
      return new AuthenticationError();
    case "BusyError":
      return new BusyError(message);
    case "ClosedError":
      return new ClosedError(message);
    case "HardwareRequiredError": {
      const { algorithm, driver } = parts as HardwareRequiredError;
      return new HardwareRequiredError(algorithm, driver);
    }
    case "UnsupportedError":
      return Object.assign(new UnsupportedError((parts as UnsupportedError).code, ""), { message });
    case "TypeError":
      return new TypeError(message);
    case "RangeError":
      return new RangeError(message);
    default:
      return Object.defineProperty(new Error(message), "name", { value: name, writable: true, configurable: true });
  }
}
