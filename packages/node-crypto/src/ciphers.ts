import type { Buffer } from "node:buffer";
import type { TransformCallback } from "node:stream";
import { byteLengthOf } from "@cryptodev/core/host";
import { type Constructor, constructorOf, keep, streamLater } from "./constructors.ts";
import { type Closable, closeWhenCollected } from "./dropped.ts";
import { cannotAdd, dataTooLong, invalidArgValue, invalidState } from "./errors.ts";
import { isLack, type Source } from "./lacks.ts";
import { type Start, startWork } from "./start_work.ts";
import {
  bufferOver,
  bytesOf,
  chunkOf,
  copyOf,
  type Decoder,
  dataOf,
  decoderOf,
  sizeOptionOf,
  textOptionOf,
} from "./values.ts";
import { isAuthenticated, type Work } from "./work.ts";

/** The most bytes that node:crypto accepts, or returns, at once. */
const MOST = 2 ** 31 - 1;

/** The state of one cipher object. `final()` ends its sessions. */
class Course implements Closable {
  readonly decrypt: boolean;
  #work: Work;
  #spare: Work | undefined;
  readonly #blockSize: number;
  #decoder: Decoder | undefined;
  #isFinal = false;

  constructor({ work, spare, blockSize }: Start, decrypt: boolean) {
    this.decrypt = decrypt;
    this.#work = work;
    this.#spare = spare;
    this.#blockSize = blockSize;
  }

  get isFinal(): boolean {
    return this.#isFinal;
  }

  update(data: Uint8Array): Buffer {
    const size = byteLengthOf(data);
    if (size > MOST) throw dataTooLong();
    if (this.#isFinal || size > MOST - this.#blockSize) throw cannotAdd();
    let result: Uint8Array;
    try {
      result = this.#work.update(data, size);
    } catch (error) {
      result = this.#replace(error).update(data, size);
    }
    return bufferOver(result);
  }

  final(): Buffer {
    if (this.#isFinal) throw invalidState();
    this.#isFinal = true;
    try {
      return bufferOver(this.#final());
    } finally {
      this.close();
    }
  }

  setAutoPadding(pads: boolean): void {
    if (this.#isFinal) throw invalidState("setAutoPadding");
    this.#work.setAutoPadding(pads);
  }

  setAAD(aad: Uint8Array, plaintextLength: number | undefined): void {
    if (this.#isFinal || !isAuthenticated(this.#work)) throw invalidState("setAAD");
    this.#work.setAAD(aad, plaintextLength);
  }

  setAuthTag(tag: Uint8Array): void {
    if (this.#isFinal || !isAuthenticated(this.#work)) throw invalidState("setAuthTag");
    this.#work.setAuthTag(tag);
  }

  get tag(): Buffer {
    const tag = isAuthenticated(this.#work) && this.#isFinal ? this.#work.tag : undefined;
    if (tag === undefined) throw invalidState("getAuthTag");
    return copyOf(tag);
  }

  /** Encodes a result. There is one decoder for all of the data, because two chunks may share a character. */
  encoded(result: Buffer, encoding: unknown, isLast: boolean): Buffer | string {
    const decoder = decoderOf(encoding);
    if (decoder === undefined) return result;
    this.#decoder ??= decoder;
    if (this.#decoder.encoding !== decoder.encoding) {
      throw invalidArgValue(
        `The argument 'outputEncoding' cannot be changed from '${this.#decoder.encoding}'. Received '${encoding}'`,
      );
    }
    return isLast ? this.#decoder.end(result) : this.#decoder.write(result);
  }

  close(): void {
    this.#work.close();
  }

  #final(): Uint8Array {
    try {
      return this.#work.final();
    } catch (error) {
      return this.#replace(error).final();
    }
  }

  /** If the device reached a limit and fallback is allowed, has node:crypto continue; otherwise throws the error. */
  #replace(error: unknown): Work {
    const [work, spare] = [this.#work, this.#spare];
    if (spare === undefined || !isLack(error)) throw error;
    work.moveTo(spare);
    work.close();
    this.#work = spare;
    this.#spare = undefined;
    return spare;
  }
}

const state = Symbol("course");

interface Ciphering {
  readonly [state]?: Course;
}

function courseOf(object: Ciphering): Course {
  const course = object[state];
  if (course === undefined) throw new TypeError("this is not a cipher, or its constructor was not called");
  return course;
}

const stream = {
  _transform(this: object, chunk: unknown, encoding: unknown, done: TransformCallback): void {
    const course = courseOf(this);
    // As in node:crypto, write() itself throws this error. Any other one becomes the stream's error.
    if (course.isFinal) throw cannotAdd();
    let result: Buffer;
    try {
      result = course.update(chunkOf(chunk, encoding));
    } catch (error) {
      done(error as Error);
      return;
    }
    done(null, result);
  },
  _flush(this: object, done: TransformCallback): void {
    let result: Buffer;
    try {
      result = courseOf(this).final();
    } catch (error) {
      done(error as Error);
      return;
    }
    done(null, result);
  },
  _destroy(this: Ciphering, error: Error | null, done: (error?: Error | null) => void): void {
    this[state]?.close();
    done(error);
  },
};

const methods = {
  /**
   * Adds data.
   *
   * @returns the part of the result that is known so far
   */
  update(this: object, data: unknown, inputEncoding: unknown, outputEncoding: unknown): Buffer | string {
    const bytes = dataOf(data, inputEncoding);
    const course = courseOf(this);
    return course.encoded(course.update(bytes), outputEncoding, false);
  },
  /**
   * Ends the data and the session.
   *
   * @returns the rest of the result
   */
  final(this: object, outputEncoding: unknown): Buffer | string {
    const course = courseOf(this);
    return course.encoded(course.final(), outputEncoding, true);
  },
  /** Turns a block cipher's padding (PKCS#7) on or off. It is on by default. */
  setAutoPadding(this: object, pads: unknown): unknown {
    courseOf(this).setAutoPadding(Boolean(pads));
    return this;
  },
};

/** Adds associated data of GCM or CCM. CCM requires the option `plaintextLength`. */
function setAAD(this: object, aad: unknown, options: unknown): unknown {
  const encoding = textOptionOf(options, "encoding");
  const plaintextLength = sizeOptionOf(options, "plaintextLength");
  courseOf(this).setAAD(bytesOf(aad, "aadbuf", encoding), plaintextLength);
  return this;
}

/** Returns the tag of GCM or CCM, after `final()`. */
function getAuthTag(this: object): Buffer {
  return courseOf(this).tag;
}

/** Sets the tag to verify: `authTagLength` bytes, by default 16. */
function setAuthTag(this: object, tag: unknown, encoding: unknown): unknown {
  courseOf(this).setAuthTag(bytesOf(tag, "buffer", encoding));
  return this;
}

/** A constructor of cipher objects, with the parameters of `createCipheriv`. */
export type CipherConstructor = Constructor<[name: unknown, key: unknown, iv: unknown, options?: unknown]>;

/** Creates `crypto.Cipheriv` or `crypto.Decipheriv` over a device. */
export function cipherConstructor(source: Source, decrypt: boolean): CipherConstructor {
  return constructorOf({
    name: decrypt ? "Decipheriv" : "Cipheriv",
    length: 4,
    isOne: (object) => Object.hasOwn(object, state) && (object as Ciphering)[state]?.decrypt === decrypt,
    begin(object, name: unknown, key: unknown, iv: unknown, options?: unknown) {
      const course = new Course(startWork(source, { name, key, iv, options, decrypt }), decrypt);
      keep(object, state, course);
      closeWhenCollected(object, course);
      streamLater(object, options);
    },
    methods: { ...stream, ...methods, ...(decrypt ? { setAuthTag } : { getAuthTag }), setAAD },
  });
}
