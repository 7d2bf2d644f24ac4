import { type CipherCCMTypes, type CipherGCMTypes, createCipheriv, createHash, createHmac } from "node:crypto";
import type { Available, Capability, Device } from "@cryptodev/core";
import { nodeNameOf } from "@cryptodev/node-crypto/names";

/** An algorithm that can be measured. */
export type Measured = Capability & Available;

/** The length of data must be a multiple of this, in bytes. */
export function blockSizeOf(capability: Capability): number {
  return capability.kind === "cipher" ? capability.blockSize : 1;
}

/** Repeats one operation on data of one size. */
export interface Contender {
  /** Processes the original data once, and returns the result. */
  result(): Uint8Array;
  readonly run: () => void;
}

/** A contender that holds a session. */
export interface SessionContender extends Contender {
  close(): void;
}

/** Bytes with two different halves, because some drivers refuse keys with equal ones. */
const pattern = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, index) => index * 37 + 1);

/** The size of a nonce in bytes, for both AEADs. */
const NONCE = 12;

/** The key size in bytes that an algorithm is measured with: 16 if it is possible, otherwise the smallest. */
export function keySizeOf(capability: Capability): number {
  if (capability.kind === "hash") return 0;
  const { keySizes } = capability;
  return "min" in keySizes ? 16 : (keySizes[0] as number);
}

/** Runs an algorithm on the device, with one session. */
export function onDevice(device: Device, capability: Measured, size: number): SessionContender {
  const { alignmask } = capability;
  const key = pattern(keySizeOf(capability));
  const data = device.allocate(size, Math.max(alignmask, 63));
  data.set(pattern(size));
  if (capability.kind === "cipher") {
    const session = device.cipher(capability.name, key);
    const iv = capability.ivSize === 0 ? undefined : pattern(capability.ivSize);
    // In place, as programs process data that they forward.
    const run = () => void session.encryptInto(data, data, iv);
    return { result: () => session.encrypt(pattern(size), iv), run, close: () => session.close() };
  }
  if (capability.kind === "aead") {
    const session = device.aead(capability.name, key);
    const sealed = device.allocate(size + session.tagSize, Math.max(alignmask, 63));
    const message = { nonce: pattern(NONCE) };
    return {
      result: () => session.seal(data, message),
      run: () => void session.sealInto(data, sealed, message),
      close: () => session.close(),
    };
  }
  const session = capability.kind === "hmac" ? device.hmac(capability.name, key) : device.hash(capability.name);
  const digest = new Uint8Array(session.digestSize);
  return {
    result: () => session.digest(data),
    run: () => void session.digestInto(digest, data),
    close: () => session.close(),
  };
}

/**
 * Runs an algorithm in this runtime's node:crypto.
 *
 * @returns `undefined` if node:crypto does not have it
 */
export function onNode(capability: Capability, size: number): Contender | undefined {
  const { name, kind } = capability;
  const ivSize = kind === "cipher" ? capability.ivSize : 0;
  const key = pattern(keySizeOf(capability));
  const data = pattern(size);
  const native = nodeNameOf(name, key.length) ?? name;
  const iv = ivSize === 0 ? null : pattern(ivSize);
  const nonce = pattern(NONCE);
  const compute = (): Uint8Array => {
    if (kind === "hash") return createHash(name).update(data).digest();
    if (kind === "hmac") return createHmac(name, key).update(data).digest();
    if (kind === "aead") {
      const options = { authTagLength: 16 };
      const cipher = createCipheriv(native as CipherGCMTypes & CipherCCMTypes, key, nonce, options);
      const ciphertext = cipher.update(data);
      cipher.final();
      return Buffer.concat([ciphertext, cipher.getAuthTag()]);
    }
    const cipher = createCipheriv(native, key, iv);
    cipher.setAutoPadding(false);
    const ciphertext = cipher.update(data);
    cipher.final();
    return ciphertext;
  };
  try {
    compute();
  } catch {
    return undefined;
  }
  return { result: compute, run: () => void compute() };
}
