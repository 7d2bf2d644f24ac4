import { Buffer } from "node:buffer";
import { type CipherKey, KeyObject, type webcrypto } from "node:crypto";
import { invalidArgType, invalidArgValue, invalidKeyType } from "./errors.ts";

/* Values as node:crypto takes them and gives them. */

/** What an optional encoding may be. Node.js takes one that it does not know for UTF-8, and so do we. */
type Encoding = string | null | undefined;

function textEncoding(encoding: unknown): BufferEncoding {
  return typeof encoding === "string" && Buffer.isEncoding(encoding) ? encoding : "utf8";
}

/** A view of the bytes of any view. */
function viewed({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Data in pieces: text, or any view, which is not copied. */
export function dataOf(value: unknown, encoding: unknown, name: string = "data"): Uint8Array {
  if (typeof value === "string") {
    const known = textEncoding(encoding);
    if (known === "hex" && value.length % 2 !== 0) {
      throw invalidArgValue(`The argument 'encoding' is invalid for data of length ${value.length}. Received 'hex'`);
    }
    return Buffer.from(value, known);
  }
  if (ArrayBuffer.isView(value)) return viewed(value);
  throw invalidArgType(name, "of type string or an instance of Buffer, TypedArray, or DataView", value);
}

/** Bytes that come at once, such as an iv: text, any view, or a buffer. */
export function bytesOf(value: unknown, name: string, encoding?: unknown): Uint8Array {
  if (typeof value === "string") return Buffer.from(value, textEncoding(encoding));
  if (ArrayBuffer.isView(value)) return viewed(value);
  if (isBuffer(value)) return new Uint8Array(value);
  throw invalidArgType(name, "of type string or an instance of ArrayBuffer, Buffer, TypedArray, or DataView", value);
}

function isBuffer(value: unknown): value is ArrayBuffer {
  return /^\[object (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(value));
}

/** Works with the bytes of a secret key, and wipes those that were made for that. */
export function withKey<R>(key: unknown, encoding: unknown, work: (bytes: Uint8Array) => R): R {
  const bytes = keyBytes(key, encoding);
  try {
    return work(bytes);
  } finally {
    if (!ArrayBuffer.isView(key) && !isBuffer(key)) bytes.fill(0);
  }
}

function keyBytes(key: CipherKey | webcrypto.CryptoKey | unknown, encoding: unknown): Uint8Array {
  const object = Object.prototype.toString.call(key) === "[object CryptoKey]" ? KeyObject.from(key as never) : key;
  if (object instanceof KeyObject) {
    if (object.type !== "secret") throw invalidKeyType(object.type);
    return object.export();
  }
  if (typeof key === "string" || ArrayBuffer.isView(key) || isBuffer(key)) return bytesOf(key, "key", encoding);
  const expected =
    "of type string or an instance of ArrayBuffer, Buffer, TypedArray, DataView, KeyObject, or CryptoKey";
  throw invalidArgType("key", expected, key);
}

/** A result as a Buffer over the same memory. */
export function bufferOver({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** A result in the encoding that was asked for, or as a Buffer. */
export function encoded(bytes: Buffer, encoding: Encoding): Buffer | string {
  return typeof encoding === "string" && Buffer.isEncoding(encoding) ? bytes.toString(encoding) : bytes;
}

/** Whether the result is to be text. */
export function isText(encoding: Encoding): encoding is string {
  return typeof encoding === "string" && encoding !== "" && encoding !== "buffer";
}
