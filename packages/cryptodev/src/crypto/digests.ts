import { Buffer } from "node:buffer";
import type { HashOptions } from "node:crypto";
import { Transform, type TransformCallback, type TransformOptions } from "node:stream";
import { CRYPTO_HMAC_MAX_KEY_LEN, type Device, type HashName, type Hash as HashSession } from "@cryptodev/core";
import { endsWith } from "./dropped.ts";
import { hashFinalized, hashUpdateFailed, invalidArgType, invalidDigest, notXof, unknownDigest } from "./errors.ts";
import { lacking, startOr } from "./lacks.ts";
import { findNodeHash } from "./names.ts";
import { bufferOver, dataOf, encoded, withKey } from "./values.ts";

/** What a hash and an HMAC of node:crypto share: a stream, and a message in pieces. The session ends with the digest. */
abstract class Digest extends Transform {
  protected readonly session: HashSession;
  protected isFinalized = false;
  /** The digest, once the message has ended. */
  #result: Buffer | undefined;

  protected constructor(session: HashSession, options: TransformOptions | undefined) {
    super(options);
    this.session = session;
    endsWith(this, session);
  }

  /** Whether the message has ended, by the stream's end. */
  protected get hasEnded(): boolean {
    return this.#result !== undefined;
  }

  /**
   * Takes the next piece of the message.
   *
   * @param data - text or a view of any kind, which is not copied
   * @param encoding - of text; UTF-8 if left out
   * @throws with node's codes: `ERR_INVALID_ARG_TYPE`, `ERR_CRYPTO_HASH_FINALIZED` after the digest
   */
  update(data: unknown, encoding?: unknown): this {
    if (this.isFinalized) throw hashFinalized();
    const bytes = dataOf(data, encoding);
    if (this.hasEnded) throw hashUpdateFailed();
    this.session.update(bytes);
    return this;
  }

  protected finish(): Buffer {
    if (this.#result === undefined) {
      this.#result = bufferOver(this.session.digest());
      this.session.close();
    }
    return this.#result;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let failure: unknown;
    try {
      this.session.update(chunk);
    } catch (error) {
      failure = error;
    }
    done(failure as Error | null);
  }

  override _flush(done: TransformCallback): void {
    try {
      // The program may change what it gets, and ask for the digest afterwards.
      done(null, Buffer.from(this.finish()));
    } catch (error) {
      done(error as Error);
    }
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.session.close();
    done(error);
  }
}

/** A hash, as `createHash` of node:crypto makes it. */
export class Hash extends Digest {
  /** Starts one on a device. */
  static start(device: Device, algorithm: unknown, options: HashOptions | undefined): Hash {
    if (typeof algorithm !== "string") throw invalidArgType("algorithm", "of type string", algorithm);
    const name = findNodeHash(algorithm);
    if (name === undefined) throw lacking(unknownDigest());
    return Hash.#over(
      startOr(unknownDigest, () => device.hash(name)),
      options,
    );
  }

  static #over(session: HashSession, options: HashOptions | undefined): Hash {
    const size: unknown = options?.outputLength;
    if (size !== undefined && size !== session.digestSize) {
      session.close();
      throw typeof size === "number" ? notXof() : invalidArgType("options.outputLength", "of type number", size);
    }
    return new Hash(session, options);
  }

  /** Ends the message and the session. @returns the digest, as text where an encoding is given, else as a Buffer */
  digest(encoding?: string): Buffer | string {
    if (this.isFinalized) throw hashFinalized();
    const result = this.finish();
    this.isFinalized = true;
    return encoded(result, encoding);
  }

  /** Makes a second hash that goes on from here (CIOCCPHASH), with a session of its own. */
  copy(options?: HashOptions): Hash {
    if (this.isFinalized || this.hasEnded) throw hashFinalized();
    return Hash.#over(this.session.copy(), options);
  }
}

/** An HMAC, as `createHmac` of node:crypto makes it. */
export class Hmac extends Digest {
  /** Starts one on a device. */
  static start(device: Device, algorithm: unknown, key: unknown, options: HmacOptions | undefined): Hmac {
    if (typeof algorithm !== "string") throw invalidArgType("hmac", "of type string", algorithm);
    const unknown = (cause?: unknown): Error => invalidDigest(algorithm, cause);
    return withKey(key, options?.encoding, (bytes) => {
      const name = findNodeHash(algorithm);
      if (name === undefined) throw lacking(unknown());
      return new Hmac(
        startOr(unknown, () => keyed(device, name, bytes)),
        options,
      );
    });
  }

  /** Ends the message and the session. @returns as {@link Hash.digest}, and nothing the second time */
  digest(encoding?: string): Buffer | string {
    // Node.js gives nothing for a second one, and does not throw.
    const isFirst = !this.isFinalized && !this.hasEnded;
    const result = this.finish();
    this.isFinalized = true;
    return encoded(isFirst ? result : result.subarray(0, 0), encoding);
  }
}

/** Options of `createHmac`: those of the stream, and how a key that is text is encoded. */
export type HmacOptions = TransformOptions;

function keyed(device: Device, name: HashName, key: Uint8Array): HashSession {
  if (key.length <= CRYPTO_HMAC_MAX_KEY_LEN) return device.hmac(name, key);
  // A key longer than a block is replaced by its hash (RFC 2104, section 2); all blocks are shorter than this key.
  const hash = device.hash(name);
  const short = hash.digest(key);
  hash.close();
  try {
    return device.hmac(name, short);
  } finally {
    short.fill(0);
  }
}
