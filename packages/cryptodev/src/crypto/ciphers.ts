import { Buffer } from "node:buffer";
import { Transform, type TransformCallback } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { Device } from "@cryptodev/core";
import { endsWith } from "./dropped.ts";
import { cannotAdd, invalidArgValue, invalidState } from "./errors.ts";
import { type CipherOptions, type Request, startWork } from "./start_work.ts";
import { bufferOver, bytesOf, dataOf, isText } from "./values.ts";
import { isAuthenticated, type Work } from "./work.ts";

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
