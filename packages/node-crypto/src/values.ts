import { Buffer } from "node:buffer";
import { KeyObject } from "node:crypto";
import { StringDecoder } from "node:string_decoder";
import { inspect, types } from "node:util";
import { invalidArgType, invalidArgValue, invalidKeyType, invalidValue, unknownEncoding } from "./errors.ts";

/* Values as node:crypto accepts and returns them. */

const { isUint8Array } = types;
const typedArray: object = Object.getPrototypeOf(Uint8Array.prototype);

/** Returns the bytes of any view, without trusting its own properties; no bytes if its buffer is detached. */
function viewed(view: ArrayBufferView): Uint8Array {
  const isDataView = Reflect.get(typedArray, Symbol.toStringTag, view) === undefined;
  const kind = isDataView ? DataView.prototype : typedArray;
  try {
    const size = Reflect.get(kind, "byteLength", view) as number;
    if (size === 0) return new Uint8Array(0);
    return new Uint8Array(
      Reflect.get(kind, "buffer", view) as ArrayBuffer,
      Reflect.get(kind, "byteOffset", view) as number,
      size,
    );
  } catch {
    // The size of a DataView throws if its buffer is detached, or has become too short for it.
    return new Uint8Array(0);
  }
}

/**
 * Reads a chunk of data: text, or any view, which is not copied. An unknown encoding means UTF-8.
 *
 * @returns the bytes; of a Uint8Array the view itself, whose properties and methods may be the program's own
 */
export function dataOf(value: unknown, encoding: unknown): Uint8Array {
  // First, because it is the usual case. A detached view counts as empty: neither has a first byte.
  if (isUint8Array(value)) return value[0] === undefined ? new Uint8Array(0) : value;
  if (typeof value === "string") {
    if (encodingOf(encoding) === "hex" && value.length % 2 !== 0) {
      throw invalidArgValue(
        `The argument 'encoding' is invalid for data of length ${value.length}. Received ${inspect(encoding)}`,
      );
    }
    return decoded(value, encoding);
  }
  if (ArrayBuffer.isView(value)) return viewed(value);
  throw invalidArgType("data", "of type string or an instance of Buffer, TypedArray, or DataView", value);
}

/** Finds an encoding by its name, in any case; `undefined` if it is unknown. */
function encodingOf(name: unknown): BufferEncoding | undefined {
  const text = name instanceof String ? name.valueOf() : name;
  return typeof text === "string" && Buffer.isEncoding(text) ? (text.toLowerCase() as BufferEncoding) : undefined;
}

function decoded(text: string, encoding: unknown): Uint8Array {
  return Buffer.from(text, typeof encoding === "string" ? encodingOf(encoding) : "utf8");
}

/** Reads a chunk that was written to a stream, which, unlike `update()`, accepts an odd number of hex digits. */
export function chunkOf(chunk: unknown, encoding: unknown): Uint8Array {
  return typeof chunk === "string" ? decoded(chunk, encoding) : dataOf(chunk, encoding);
}

function requireEncoding(name: unknown): BufferEncoding {
  const encoding = encodingOf(name);
  if (encoding === undefined) throw unknownEncoding(name);
  return encoding;
}

/** Reads bytes that are not chunks, such as an iv: text, any view, or a buffer. */
export function bytesOf(value: unknown, name: string, encoding?: unknown): Uint8Array {
  // Unlike for data, an unknown encoding is an error.
  if (typeof value === "string") {
    const isNamed = typeof encoding === "string" && encoding !== "" && encoding !== "buffer";
    return Buffer.from(value, isNamed ? requireEncoding(encoding) : "utf8");
  }
  if (ArrayBuffer.isView(value)) return viewed(value);
  if (isBuffer(value)) return viewed(bytesIn(value));
  throw invalidArgType(name, "of type string or an instance of ArrayBuffer, Buffer, TypedArray, or DataView", value);
}

function bytesIn(buffer: ArrayBuffer): Uint8Array {
  try {
    return new Uint8Array(buffer);
  } catch {
    // The buffer is detached.
    return new Uint8Array(0);
  }
}

function isBuffer(value: unknown): value is ArrayBuffer {
  return /^\[object (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(value));
}

/** Reads an option as node:crypto does, from options of any type. */
export function optionOf(options: unknown, name: string): unknown {
  return options ? ((options as Readonly<Record<string, unknown>>)[name] ?? undefined) : undefined;
}

/**
 * Reads an option that is text.
 *
 * @throws {TypeError} if it is not text
 */
export function textOptionOf(options: unknown, name: string): string | undefined {
  const value = optionOf(options, name);
  if (value !== undefined && typeof value !== "string") {
    throw invalidArgType(`options.${name}`, "of type string", value);
  }
  return value;
}

/**
 * Reads an option that is an unsigned integer of 32 bits.
 *
 * @throws {TypeError} if it is not one
 */
export function sizeOptionOf(options: unknown, name: string): number | undefined {
  const value = optionOf(options, name);
  // `>>>` itself throws for an object that cannot be converted to a number.
  if (value === undefined || (value as number) >>> 0 === value) return value as number | undefined;
  throw invalidValue(`property 'options.${name}'`, value);
}

/** Calls a function with the bytes of a secret key. If they had to be copied, wipes the copy afterwards. */
export function withKey<R>(key: unknown, encoding: unknown, work: (bytes: Uint8Array) => R): R {
  const bytes = keyBytes(key, encoding);
  try {
    return work(bytes);
  } finally {
    if (!ArrayBuffer.isView(key) && !isBuffer(key)) bytes.fill(0);
  }
}

function keyBytes(key: unknown, encoding: unknown): Uint8Array {
  const object = keyObjectOf(key);
  if (object !== undefined) {
    if (object.type !== "secret") throw invalidKeyType(object.type);
    return object.export();
  }
  if (typeof key === "string" || ArrayBuffer.isView(key) || isBuffer(key)) return bytesOf(key, "key", encoding);
  const expected =
    "of type string or an instance of ArrayBuffer, Buffer, TypedArray, DataView, KeyObject, or CryptoKey";
  throw invalidArgType("key", expected, key);
}

function keyObjectOf(key: unknown): KeyObject | undefined {
  if (key instanceof KeyObject) return key;
  if (Object.prototype.toString.call(key) !== "[object CryptoKey]") return undefined;
  try {
    return KeyObject.from(key as never);
  } catch {
    // The object only claims to be a CryptoKey.
    return undefined;
  }
}

/** Copies bytes to a Buffer with memory of its own. That of `Buffer.from()` is a part of what all Buffers share. */
export function copyOf(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

/** Returns a Buffer over the same memory. */
export function bufferOver(bytes: Uint8Array): Buffer {
  if (bytes instanceof Buffer) return bytes;
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Returns a function that encodes results as text, or returns them as Buffers. Converts `encoding` to a string now,
 * before there is a result, because that may run code of the program, and throw.
 */
export function encoderOf(encoding: unknown): (bytes: Buffer) => Buffer | string {
  const name = encoding && `${encoding}`;
  return (bytes) => (typeof name === "string" && Buffer.isEncoding(name) ? bytes.toString(name) : bytes);
}

/** A decoder whose `encoding` is node's normal name of it. */
export type Decoder = StringDecoder & { readonly encoding: string };

/** Creates a decoder for results that come in chunks; `undefined` if they are returned as Buffers. */
export function decoderOf(encoding: unknown): Decoder | undefined {
  if (!encoding || encoding === "buffer") return undefined;
  return new StringDecoder(requireEncoding(encoding)) as Decoder;
}
