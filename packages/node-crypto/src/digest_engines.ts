import { Buffer } from "node:buffer";
import type { Hash as NodeHash } from "node:crypto";
import type { Device, HashName, Hash as HashSession, Hmac as HmacSession } from "@cryptodev/core";
import { byteLengthOf } from "@cryptodev/core/host";
import type { Closable } from "./dropped.ts";
import { checkUint32, notXof } from "./errors.ts";
import { digestSizeOf } from "./names.ts";

/** What hashes one message: a session, or node:crypto for an algorithm that is missing from the device. */
export interface Engine extends Closable {
  /** The session; `undefined` if node:crypto does the work. */
  readonly session: HashSession | HmacSession | undefined;
  /** @param data - the program's own view, whose properties and methods may be the program's too */
  update(data: Uint8Array): void;
  digest(): Uint8Array;
  copy(options: unknown): Engine;
}

/**
 * The most bytes of a message that wait for more of it, or for its end. To copy them costs less than the call to the
 * kernel that it saves.
 */
const MOST_HELD = 4096;
/** The memory of a short message, which is the usual one. */
const FEW_HELD = 256;

/** A session, and the part of its message that was not sent yet. A short message takes one call to the kernel. */
class SessionEngine<S extends HashSession | HmacSession> implements Engine {
  protected readonly started: S;
  /** Whether the program has the session too. Then nothing waits, and the session is not used for another message. */
  protected isShared = false;
  #held = new Uint8Array(0);
  #heldSize = 0;

  constructor(session: S) {
    this.started = session;
  }

  get session(): S {
    this.flush();
    this.isShared = true;
    return this.started;
  }

  update(data: Uint8Array): void {
    const size = byteLengthOf(data);
    if (this.isShared || size > MOST_HELD) {
      this.flush();
      this.started.update(data);
      return;
    }
    if (this.#heldSize + size > MOST_HELD) this.flush();
    this.#hold(data, size);
  }

  #hold(data: Uint8Array, size: number): void {
    const end = this.#heldSize + size;
    if (end > this.#held.length) {
      const larger = new Uint8Array(end > FEW_HELD ? MOST_HELD : FEW_HELD);
      larger.set(this.#held);
      this.#held.fill(0);
      this.#held = larger;
    }
    this.#held.set(data, this.#heldSize);
    this.#heldSize = end;
  }

  /** Sends what waits. */
  protected flush(): void {
    if (this.#heldSize > 0) this.started.update(this.#held.subarray(0, this.#heldSize));
    this.#forget();
  }

  digest(): Uint8Array {
    const digest = Buffer.alloc(this.started.digestSize);
    this.started.digestInto(digest, this.#held.subarray(0, this.#heldSize));
    this.#forget();
    return digest;
  }

  /** An Hmac of node:crypto does not have copy(), which is therefore never called. */
  copy(_options: unknown): Engine {
    throw new TypeError("an HMAC cannot be copied");
  }

  #forget(): void {
    this.#held.fill(0, 0, this.#heldSize);
    this.#heldSize = 0;
  }

  close(): void {
    this.#forget();
    this.started.close();
  }
}

/** Reads the size of the digest that a program asked for, in bytes; `undefined` if it did not. */
export function outputLengthOf(options: unknown): number | undefined {
  if (typeof options !== "object" || options === null) return undefined;
  const { outputLength } = options as { readonly outputLength?: unknown };
  if (outputLength !== undefined) checkUint32(outputLength, "options.outputLength");
  return outputLength as number | undefined;
}

/** Refuses any other size than that of the hash. */
export function checkOutputLength(length: number | undefined, name: HashName): void {
  if (length !== undefined && length !== digestSizeOf(name)) throw notXof();
}

/** The most sessions of one algorithm that a device keeps for later messages. */
const MOST_IDLE = 4;

/** Engines between two messages. The end of the device ends their sessions. */
const idleOf = new WeakMap<Device, Map<HashName, HashEngine[]>>();

/**
 * A hash. Its session does not have a key, so it serves later messages too: to start and end one for each message takes
 * two more calls to the kernel.
 */
class HashEngine extends SessionEngine<HashSession> {
  readonly #idle: HashEngine[];
  /** Whether its last message is complete. */
  #isDone = false;

  constructor(session: HashSession, idle: HashEngine[]) {
    super(session);
    this.#idle = idle;
  }

  override update(data: Uint8Array): void {
    this.#isDone = false;
    super.update(data);
  }

  override digest(): Uint8Array {
    const digest = super.digest();
    this.#isDone = true;
    return digest;
  }

  override copy(options: unknown): Engine {
    checkOutputLength(outputLengthOf(options), this.started.name);
    this.flush();
    return new HashEngine(this.started.copy(), this.#idle);
  }

  override close(): void {
    // The statistics of a session belong to its message.
    const mayServe = this.#isDone && !this.isShared && this.started.statistics === undefined;
    if (mayServe && this.#idle.length < MOST_IDLE) this.#idle.push(this);
    else super.close();
  }
}

/** Starts a hash, or uses a session of an earlier one again. */
export function hashEngine(device: Device, name: HashName): Engine {
  const idle = idleEngines(device, name);
  const earlier = device.closed ? undefined : idle.pop();
  return earlier ?? new HashEngine(device.hash(name), idle);
}

function idleEngines(device: Device, name: HashName): HashEngine[] {
  const all = idleOf.get(device) ?? new Map<HashName, HashEngine[]>();
  idleOf.set(device, all);
  const idle = all.get(name) ?? [];
  all.set(name, idle);
  return idle;
}

/** Computes an HMAC. Its session ends with the message, because it has a key. */
export function hmacEngine(session: HmacSession): Engine {
  return new SessionEngine(session);
}

/** Has node:crypto hash. */
export function nodeEngine(hash: NodeHash): Engine {
  return {
    session: undefined,
    update: (data) => void hash.update(data),
    digest: () => hash.digest(),
    copy: (options) => nodeEngine(hash.copy(options as object)),
    close() {},
  };
}
