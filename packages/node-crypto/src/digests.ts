import { Buffer } from "node:buffer";
import node, { type Hash as NodeHash } from "node:crypto";
import type { TransformCallback } from "node:stream";
import {
  ClosedError,
  type Device,
  type HashName,
  type Hash as HashSession,
  type Hmac as HmacSession,
} from "@cryptodev/core";
import { CRYPTO_HMAC_MAX_KEY_LEN } from "@cryptodev/core/abi";
import { type Constructor, constructorOf, keep, streamLater } from "./constructors.ts";
import {
  checkOutputLength,
  type Engine,
  hashEngine,
  hmacEngine,
  nodeEngine,
  outputLengthOf,
} from "./digest_engines.ts";
import { type Closable, closeWhenCollected } from "./dropped.ts";
import {
  checkUint32,
  hashFinalized,
  hashUnsupported,
  hashUpdateFailed,
  invalidArgType,
  invalidDigest,
  invalidValue,
  unknownDigest,
} from "./errors.ts";
import { lacking, orNode, type Source, startOr } from "./lacks.ts";
import { digestSizeOf, findNodeHash } from "./names.ts";
import { bufferOver, chunkOf, copyOf, dataOf, encoderOf, textOptionOf, withKey } from "./values.ts";

/** The state of one hash or HMAC object, from its first data to `digest()`. */
class Message implements Closable {
  readonly kind: "hash" | "hmac";
  /** `undefined` after the end of the message, because another message may use it then. */
  #engine: Engine | undefined;
  #digest: Buffer | undefined;
  /** Whether the program called `digest()`. */
  isFinalized = false;

  constructor(kind: "hash" | "hmac", engine: Engine) {
    this.kind = kind;
    this.#engine = engine;
  }

  get session(): HashSession | HmacSession | undefined {
    return this.#engine?.session;
  }

  get hasEnded(): boolean {
    return this.#digest !== undefined;
  }

  update(data: Uint8Array): void {
    this.#open().update(data);
  }

  digest(): Buffer {
    if (this.#digest === undefined) {
      this.#digest = bufferOver(this.#open().digest());
      this.close();
    }
    return this.#digest;
  }

  copy(options: unknown): Message {
    return new Message(this.kind, this.#open().copy(options));
  }

  close(): void {
    const engine = this.#engine;
    this.#engine = undefined;
    engine?.close();
  }

  #open(): Engine {
    if (this.#engine === undefined) throw new ClosedError(`${this.kind}: destroy() has ended it`);
    return this.#engine;
  }
}

const state = Symbol("message");

interface Digester {
  readonly [state]?: Message;
}

/** Whether an object was initialised itself, and does not only inherit from one. */
function isInitialised(object: object, kind: Message["kind"]): boolean {
  return Object.hasOwn(object, state) && (object as Digester)[state]?.kind === kind;
}

function messageOf(object: Digester): Message {
  const message = object[state];
  if (message === undefined) throw new TypeError("this is not a Hash or an Hmac, or its constructor was not called");
  return message;
}

function begin(object: object, message: Message, options: unknown): void {
  keep(object, state, message);
  closeWhenCollected(object, message);
  streamLater(object, options);
}

function update<This extends object>(this: This, data: unknown, encoding?: unknown): This {
  const message = messageOf(this);
  if (message.isFinalized) throw hashFinalized();
  const bytes = dataOf(data, encoding);
  if (message.hasEnded) throw hashUpdateFailed();
  message.update(bytes);
  return this;
}

function transform(message: Message, chunk: unknown, encoding: unknown, done: TransformCallback): void {
  try {
    if (!message.hasEnded) message.update(chunkOf(chunk, encoding));
    else if (refusesLateChunks()) throw hashUpdateFailed();
  } catch (error) {
    done(error as Error);
    return;
  }
  done();
}

let areLateChunksRefused: boolean | undefined;

/** Whether this is a newer version of Node.js, whose streams refuse data after the digest. Older ones ignore it. */
function refusesLateChunks(): boolean {
  if (areLateChunksRefused === undefined) {
    areLateChunksRefused = false;
    const hash = node.createHash("sha256");
    hash.digest();
    try {
      hash._transform(Buffer.alloc(1), "buffer" as never, (error) => {
        areLateChunksRefused = error instanceof Error;
      });
    } catch {
      // Deno's own method throws an error of its own.
    }
  }
  return areLateChunksRefused;
}

function flush(done: TransformCallback, digest: () => Buffer): void {
  try {
    // A copy: the program may change the chunk, and call digest() afterwards.
    done(null, copyOf(digest()));
  } catch (error) {
    done(error as Error);
  }
}

/** What node:crypto's objects do not have: the session that does the work, for its `info()`, until `digest()`. */
const extras: PropertyDescriptorMap = {
  session: {
    configurable: true,
    get(this: Digester): HashSession | HmacSession | undefined {
      return this[state]?.session;
    },
    // A property that a program assigns under this name behaves like any other.
    set(this: object, value: unknown) {
      Object.defineProperty(this, "session", { value, configurable: true, enumerable: true, writable: true });
    },
  },
};

const streaming = {
  _transform(this: object, chunk: unknown, encoding: unknown, done: TransformCallback): void {
    transform(messageOf(this), chunk, encoding, done);
  },
  _destroy(this: Digester, error: Error | null, done: (error?: Error | null) => void): void {
    this[state]?.close();
    done(error);
  },
};

/** Creates `crypto.Hash` over a device. */
export function hashConstructor(source: Source): Constructor<[algorithm: unknown, options?: unknown]> {
  const Hash: Constructor<[unknown, unknown?]> = constructorOf({
    name: "Hash",
    length: 2,
    isOne: (object) => isInitialised(object, "hash"),
    extras,
    begin(object, algorithm: unknown, options?: unknown) {
      const message = algorithm instanceof Message ? algorithm : startHash(source, algorithm, options);
      begin(object, message, options);
    },
    methods: {
      /** Returns a second hash, with its own session, that continues from the current state (CIOCCPHASH). */
      copy(this: object, options: unknown): unknown {
        const message = messageOf(this);
        if (message.isFinalized || message.hasEnded) throw hashFinalized();
        return new Hash(message.copy(options), options);
      },
      ...streaming,
      _flush(this: object, done: TransformCallback): void {
        const message = messageOf(this);
        flush(done, () => message.digest());
      },
      update,
      /** Ends the message. */
      digest(this: object, encoding: unknown): Buffer | string {
        const message = messageOf(this);
        if (message.isFinalized) throw hashFinalized();
        const encode = encoderOf(encoding);
        const result = message.digest();
        message.isFinalized = true;
        return encode(result);
      },
    },
  });
  return Hash;
}

function startHash(source: Source, algorithm: unknown, options: unknown, unknown = unknownDigest): Message {
  if (typeof algorithm !== "string") throw invalidArgType("algorithm", "of type string", algorithm);
  const outputLength = outputLengthOf(options);
  const own = (): Engine => {
    const name = findNodeHash(algorithm);
    if (name === undefined) throw lacking(unknown());
    checkOutputLength(outputLength, name);
    return startOr(unknown, () => hashEngine(source.device(), name));
  };
  const sized = outputLength === undefined ? {} : { outputLength };
  return new Message(
    "hash",
    orNode(source, own, () => nodeEngine(node.createHash(algorithm, sized))),
  );
}

/** Creates `crypto.Hmac` over a device. */
export function hmacConstructor(source: Source): Constructor<[algorithm: unknown, key: unknown, options?: unknown]> {
  return constructorOf({
    name: "Hmac",
    length: 3,
    isOne: (object) => isInitialised(object, "hmac"),
    extras,
    begin(object, algorithm: unknown, key: unknown, options?: unknown) {
      begin(object, startHmac(source, algorithm, key, options), options);
    },
    methods: {
      update,
      /** Ends the message and the session. A second call returns an empty digest, as in Node.js. */
      digest(this: object, encoding: unknown): Buffer | string {
        const message = messageOf(this);
        const none = Buffer.alloc(0);
        if (message.isFinalized) {
          return encoding && encoding !== "buffer" ? none.toString(encoding as BufferEncoding) : none;
        }
        const encode = encoderOf(encoding);
        const result = message.hasEnded ? none : message.digest();
        message.isFinalized = true;
        return encode(result);
      },
      _flush(this: object, done: TransformCallback): void {
        const message = messageOf(this);
        flush(done, () => (message.hasEnded ? Buffer.alloc(0) : message.digest()));
      },
      ...streaming,
    },
  });
}

function startHmac(source: Source, algorithm: unknown, key: unknown, options: unknown): Message {
  if (typeof algorithm !== "string") throw invalidArgType("hmac", "of type string", algorithm);
  const encoding = textOptionOf(options, "encoding");
  // If algorithm and key are swapped, the supposed name is the key, and must not be shown.
  const isSwapped = typeof key === "string" && findNodeHash(key) !== undefined;
  const unknown = (cause?: unknown): Error => invalidDigest(isSwapped ? undefined : algorithm, cause);
  const own = (): Engine =>
    withKey(key, encoding, (bytes) => {
      const name = findNodeHash(algorithm);
      if (name === undefined) throw lacking(unknown());
      return hmacEngine(startOr(unknown, () => keyed(source.device(), name, bytes)));
    });
  const nodes = (): Engine => {
    const hmac = node.createHmac(
      algorithm,
      key as string,
      encoding === undefined ? {} : { encoding: encoding as "hex" },
    );
    return nodeEngine(hmac as unknown as NodeHash);
  };
  return new Message("hmac", orNode(source, own, nodes));
}

function keyed(device: Device, name: HashName, key: Uint8Array): HmacSession {
  if (key.length <= CRYPTO_HMAC_MAX_KEY_LEN) return device.hmac(name, key);
  // A key longer than a block is replaced by its hash (RFC 2104, section 2). This key is longer than any block.
  const hash = device.hash(name);
  let short: Uint8Array;
  try {
    short = hash.digest(key);
  } finally {
    hash.close();
  }
  try {
    return device.hmac(name, short);
  } finally {
    short.fill(0);
  }
}

/** Implements `hash()` of node:crypto, which hashes a message in one call. */
export function digestOf(source: Source, algorithm: unknown, input: unknown, options: unknown): Buffer | string {
  // Node.js before 20.12 does not have hash().
  const isOurs = { ...source, isAllowed: source.isAllowed && node.hash === undefined };
  return orNode(
    source,
    () => ownDigestOf(isOurs, algorithm, input, options),
    () => node.hash(algorithm as string, input as string, options as "hex"),
  );
}

function ownDigestOf(source: Source, algorithm: unknown, input: unknown, options: unknown): Buffer | string {
  if (typeof algorithm !== "string") throw invalidArgType("algorithm", "of type string", algorithm);
  if (typeof input !== "string" && !ArrayBuffer.isView(input)) {
    throw invalidArgType("input", "of type string or an instance of Buffer, TypedArray, or DataView", input);
  }
  const { outputEncoding, outputLength } = hashOptionsOf(options);
  const name = findNodeHash(algorithm);
  if (name !== undefined && outputLength !== undefined && outputLength !== digestSizeOf(name)) {
    throw new Error(`Output length ${outputLength} is invalid for ${algorithm}, which does not support XOF`);
  }
  // If algorithm and input are swapped, the supposed name may be a secret, and must not be shown.
  const isSwapped = typeof input === "string" && findNodeHash(input) !== undefined;
  const unknown = isSwapped ? unknownDigest : (cause?: unknown): Error => hashUnsupported(algorithm, cause);
  const message = startHash(source, algorithm, outputLength === undefined ? undefined : { outputLength }, unknown);
  try {
    message.update(dataOf(input, "utf8"));
    return encoderOf(outputEncoding)(message.digest());
  } finally {
    message.close();
  }
}

let takesOptions: boolean | undefined;

/** Checks whether the runtime's `hash()` accepts an object of options, as in newer versions of Node.js. */
function hashTakesOptions(): boolean {
  try {
    takesOptions ??=
      node.hash === undefined || node.hash("sha256", "", { outputEncoding: "hex" } as never) !== undefined;
  } catch {
    takesOptions = false;
  }
  return takesOptions;
}

function hashOptionsOf(options: unknown): { outputEncoding: string; outputLength: number | undefined } {
  const given = options === undefined ? "hex" : options;
  if (typeof given === "string") return { outputEncoding: outputEncodingOf(given), outputLength: undefined };
  if (!hashTakesOptions()) throw invalidArgType("outputEncoding", "of type string", given);
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw invalidArgType("options", "of type object", given);
  }
  const { outputEncoding, outputLength } = given as { outputEncoding?: unknown; outputLength?: unknown };
  const encoding = outputEncodingOf(outputEncoding ?? "hex");
  if (outputLength !== undefined) checkUint32(outputLength, "outputLength");
  return { outputEncoding: encoding, outputLength: outputLength as number | undefined };
}

function outputEncodingOf(encoding: unknown): string {
  if (typeof encoding !== "string") throw invalidArgType("outputEncoding", "of type string", encoding);
  if (encoding === "") return "utf8";
  if (encoding.toLowerCase() !== "buffer" && !Buffer.isEncoding(encoding)) {
    throw invalidValue("argument 'outputEncoding'", encoding);
  }
  return encoding;
}
