import { Buffer } from "node:buffer";
import { Transform, type TransformCallback, type TransformOptions } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { type AeadName, type CipherName, type Device, hasSize } from "@cryptodev/core";
import { CcmWork, GcmWork } from "./aead_work.ts";
import { endsWith } from "./dropped.ts";
import {
  cannotAdd,
  invalidArgType,
  invalidArgValue,
  invalidAuthTag,
  invalidIv,
  invalidKeyLength,
  invalidState,
  unknownCipher,
} from "./errors.ts";
import { lacking, startOr } from "./lacks.ts";
import { findNodeCipher, type NodeCipher } from "./names.ts";
import { ChunkedWork, SectorWork } from "./plain_work.ts";
import { bufferOver, bytesOf, dataOf, isText, withKey } from "./values.ts";
import { isAuthenticated, type Work } from "./work.ts";

/** Options of `createCipheriv` and `createDecipheriv`: those of the stream, and the size of the tag in bytes. */
export interface CipherOptions extends TransformOptions {
  /** Bytes in a tag of GCM or CCM; 16 if left out for GCM, while CCM asks for it. */
  readonly authTagLength?: number | undefined;
}

/** What `createCipheriv` was called with, or `createDecipheriv`. */
export interface Request {
  readonly name: unknown;
  readonly key: unknown;
  readonly iv: unknown;
  readonly options: CipherOptions | undefined;
}

/** Tells its encoding by the one name that node has for it. */
type Decoder = StringDecoder & { readonly encoding: string };

/** What encryption and decryption of node:crypto share. The session ends with `final()`. */
abstract class CipherStream extends Transform {
  protected readonly work: Work;
  #decoder: Decoder | undefined;
  #isFinal = false;

  protected constructor(work: Work, options: CipherOptions | undefined) {
    super(options);
    this.work = work;
    for (const session of work.sessions) endsWith(this, session);
  }

  protected get isFinal(): boolean {
    return this.#isFinal;
  }

  /**
   * Takes the next piece of the data.
   *
   * @param data - text in `inputEncoding`, UTF-8 if left out, or a view of any kind
   * @returns as many bytes as can be told by now, as text where `outputEncoding` is given, else as a Buffer
   */
  update(data: unknown, inputEncoding?: unknown, outputEncoding?: string): Buffer | string {
    const bytes = dataOf(data, inputEncoding);
    if (this.#isFinal) throw cannotAdd();
    const decoder = this.#decoderOf(outputEncoding);
    const result = bufferOver(this.work.update(bytes));
    return decoder === undefined ? result : decoder.write(result);
  }

  /** Ends the data and the session. @returns the rest of the result */
  final(outputEncoding?: string): Buffer | string {
    const decoder = this.#decoderOf(outputEncoding);
    const result = this.#finish();
    return decoder === undefined ? result : decoder.end(result);
  }

  /** Pads a block cipher's data (PKCS#7), as it is done if this is not called, or leaves it. Before the first piece. */
  setAutoPadding(pads: boolean = true): this {
    if (this.#isFinal) throw invalidState("setAutoPadding");
    this.work.setAutoPadding(Boolean(pads));
    return this;
  }

  /** Takes associated data of GCM or CCM, at most 4096 bytes. CCM is told the `plaintextLength` with it. */
  setAAD(aad: unknown, options?: { readonly plaintextLength?: number; readonly encoding?: string }): this {
    const bytes = bytesOf(aad, "aadbuf", options?.encoding);
    if (this.#isFinal || !isAuthenticated(this.work)) throw invalidState("setAAD");
    this.work.setAAD(bytes, options?.plaintextLength);
    return this;
  }

  #finish(): Buffer {
    if (this.#isFinal) throw invalidState();
    this.#isFinal = true;
    try {
      return bufferOver(this.work.final());
    } finally {
      this.#close();
    }
  }

  #close(): void {
    for (const session of this.work.sessions) session.close();
  }

  /** One for the whole of the data, as characters may be in two pieces of it. */
  #decoderOf(encoding: string | undefined): Decoder | undefined {
    if (!isText(encoding)) return undefined;
    const decoder = new StringDecoder(encoding as BufferEncoding) as Decoder;
    this.#decoder ??= decoder;
    if (this.#decoder.encoding !== decoder.encoding) {
      throw invalidArgValue(
        `The argument 'outputEncoding' cannot be changed from '${this.#decoder.encoding}'. Received '${encoding}'`,
      );
    }
    return this.#decoder;
  }

  /** @internal */
  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      done(null, bufferOver(this.work.update(chunk)));
    } catch (error) {
      done(error as Error);
    }
  }

  /** @internal */
  override _flush(done: TransformCallback): void {
    try {
      done(null, this.#finish());
    } catch (error) {
      done(error as Error);
    }
  }

  /** @internal */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#close();
    done(error);
  }
}

/** A cipher that encrypts, as `createCipheriv` of node:crypto makes it. */
export class Cipheriv extends CipherStream {
  /** @internal Starts one on a device. */
  static start(device: Device, request: Request): Cipheriv {
    return new Cipheriv(startWork(device, request, false), request.options);
  }

  /** The tag of GCM or CCM, once the data has ended. */
  getAuthTag(): Buffer {
    const tag = isAuthenticated(this.work) && this.isFinal ? this.work.tag : undefined;
    if (tag === undefined) throw invalidState("getAuthTag");
    return Buffer.from(tag);
  }
}

/** A cipher that decrypts, as `createDecipheriv` of node:crypto makes it. */
export class Decipheriv extends CipherStream {
  /** @internal Starts one on a device. */
  static start(device: Device, request: Request): Decipheriv {
    return new Decipheriv(startWork(device, request, true), request.options);
  }

  /** Takes the tag that is to be checked: 16 bytes, or as many as `authTagLength` said. */
  setAuthTag(tag: unknown, encoding?: string): this {
    const bytes = bytesOf(tag, "buffer", encoding);
    if (this.isFinal || !isAuthenticated(this.work)) throw invalidState("setAuthTag");
    this.work.setAuthTag(bytes);
    return this;
  }
}

function startWork(device: Device, { name, key, iv, options }: Request, decrypt: boolean): Work {
  if (typeof name !== "string") throw invalidArgType("cipher", "of type string", name);
  const authTagLength = tagLengthOf(options);
  return withKey(key, options?.encoding, (keyBytes) => {
    const ivBytes = iv === null ? undefined : bytesOf(iv, "iv");
    const cipher = findNodeCipher(name);
    if (cipher === undefined) throw lacking(unknownCipher());
    const { algorithm, keySizes } = cipher;
    checkIv(algorithm.kind === "aead", algorithm.ivSize, ivBytes);
    const isKey = hasSize(keySizes, keyBytes.length);
    if (algorithm.kind !== "aead") {
      if (!isKey) throw invalidKeyLength();
      const session = startOr(unknownCipher, () => device.cipher(algorithm.name as CipherName, keyBytes));
      const ownIv = algorithm.ivSize === 0 ? undefined : new Uint8Array(ivBytes as Uint8Array);
      return algorithm.name === "aes-xts"
        ? new SectorWork(session, decrypt, ownIv as Uint8Array)
        : new ChunkedWork(session, decrypt, ownIv);
    }
    const isCcm = algorithm.name === "aes-ccm";
    const nonce = new Uint8Array(ivBytes as Uint8Array);
    const tagSize = checkTagLength(cipher, isCcm, authTagLength);
    if (isCcm ? nonce.length < 7 || nonce.length > 13 : nonce.length === 0) throw invalidIv();
    if (!isKey) throw invalidKeyLength();
    if (!isCcm && nonce.length !== 12) {
      throw lacking(invalidIv(new RangeError(`iv for ${cipher.name}: the device takes 12 bytes, got ${nonce.length}`)));
    }
    const session = startOr(unknownCipher, () => device.aead(algorithm.name as AeadName, keyBytes, { tagSize }));
    if (isCcm) return new CcmWork(session, decrypt, nonce);
    try {
      const counter = startOr(unknownCipher, () => device.cipher("aes-ctr", keyBytes));
      return new GcmWork(session, counter, decrypt, nonce);
    } catch (error) {
      session.close();
      throw error;
    }
  });
}

/** An iv of its one size, or of any for an authenticated cipher; a cipher without one takes null and nothing. */
function checkIv(isAead: boolean, ivSize: number, iv: Uint8Array | undefined): void {
  if (iv === undefined ? ivSize > 0 : !isAead && iv.length !== ivSize) throw invalidIv();
}

function tagLengthOf(options: CipherOptions | undefined): number | undefined {
  const length: unknown = options?.authTagLength ?? undefined;
  if (length === undefined || (typeof length === "number" && length >>> 0 === length)) return length as number;
  const got = typeof length === "number" ? length : `'${typeof length === "string" ? length : typeof length}'`;
  throw invalidArgValue(`The property 'options.authTagLength' is invalid. Received ${got}`);
}

function checkTagLength({ name, algorithm }: NodeCipher, isRequired: boolean, length: number | undefined): number {
  if (length === undefined && isRequired) throw invalidAuthTag(`authTagLength required for ${name}`);
  if (length === undefined || algorithm.tagSizes?.includes(length)) return length ?? 16;
  throw invalidAuthTag(`Invalid authentication tag length: ${length}`);
}
