import { createHash, type Hash as NodeHash } from "node:crypto";
import { secretBytes } from "./secret.ts";

/** The state of a hash or HMAC in the middle of a message. */
export interface HashState {
  update(data: Uint8Array): void;
  digest(): Uint8Array;
  /** Copies the message so far from another state of the same algorithm. The key does not change. */
  copyFrom(other: HashState): void;
}

/** A hash, or a mac with its key. */
export interface KeyedHash {
  /** Returns the state before the first byte. */
  start(): HashState;
  /** Wipes everything derived from the key. */
  wipe(): void;
}

class PlainState implements HashState {
  #hash: NodeHash;

  constructor(hash: NodeHash) {
    this.#hash = hash;
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  digest(): Uint8Array {
    return this.#hash.digest();
  }

  copyFrom(other: PlainState): void {
    this.#hash = other.#hash.copy();
  }
}

class HmacState implements HashState {
  #inner: NodeHash;
  readonly #outer: NodeHash;

  constructor(inner: NodeHash, outer: NodeHash) {
    this.#inner = inner;
    this.#outer = outer;
  }

  update(data: Uint8Array): void {
    this.#inner.update(data);
  }

  digest(): Uint8Array {
    return this.#outer.copy().update(this.#inner.digest()).digest();
  }

  copyFrom(other: HmacState): void {
    this.#inner = other.#inner.copy();
  }
}

/** A hash, by node:crypto's name for it. */
export function plainHash(name: string): KeyedHash {
  // Copying an unused hash costs less than looking up its algorithm again.
  const untouched = createHash(name);
  return { start: () => new PlainState(untouched.copy()), wipe: () => {} };
}

/**
 * The HMAC of a hash (RFC 2104, section 2). It is built on the hash and not on node:crypto's own HMAC, because a
 * driver's HMAC can be copied while it runs, and node's cannot.
 */
export function hmac(name: string, key: Uint8Array): KeyedHash {
  // SHA-384 and SHA-512 use blocks of 128 bytes, the other hashes here 64 (FIPS 180-4, section 1; RFC 1321).
  const blockSize = name === "sha384" || name === "sha512" ? 128 : 64;
  const block = secretBytes(blockSize);
  if (key.length > blockSize) {
    const digest = createHash(name).update(key).digest();
    block.set(digest);
    digest.fill(0);
  } else block.set(key);
  const keyedWith = (pad: number): NodeHash => {
    for (let index = 0; index < blockSize; index += 1) block[index] = (block[index] as number) ^ pad;
    return createHash(name).update(block);
  };
  // The second pad replaces the first.
  let [inner, outer] = [keyedWith(0x36), keyedWith(0x36 ^ 0x5c)];
  block.fill(0);
  return {
    start: () => new HmacState(inner.copy(), outer),
    wipe() {
      // A hash cannot be wiped; once unreferenced, its state is collected.
      [inner, outer] = [createHash(name), createHash(name)];
    },
  };
}
