import { type CipherCCMTypes, type CipherGCMTypes, createCipheriv, createHash, createHmac } from "node:crypto";
import type { AeadName, Capability, CipherName, Device, HashName, HmacName } from "cryptodev";
import { nodeNameOf } from "../../crypto/names.ts";

/** Something that does one operation on data of one size, again and again. */
export interface Contender {
  /** Works on the data as it was at first, and gives the result. */
  result(): Uint8Array;
  readonly run: () => void;
}

/** One that holds a session. */
export interface SessionContender extends Contender {
  close(): void;
}

/** Bytes of which no half is like the other: some drivers refuse keys whose halves are. */
const pattern = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, index) => index * 37 + 1);

/** Nonces are 12 bytes for both AEADs. */
const NONCE = 12;

/** Bytes in the key that an algorithm is measured with: 16, or what comes closest. */
export function keySizeOf({ keySizes }: Capability): number {
  if (keySizes === undefined) return 0;
  return "min" in keySizes ? 16 : (keySizes[0] as number);
}

/** The device, with a session that is started once. */
export function onDevice(device: Device, capability: Capability, size: number): SessionContender {
  const { name, kind, alignmask, ivSize } = capability;
  const key = pattern(keySizeOf(capability));
  const data = device.allocate(size, Math.max(alignmask, 63));
  data.set(pattern(size));
  if (kind === "cipher") {
    const session = device.cipher(name as CipherName, key);
    const iv = ivSize === 0 ? undefined : pattern(ivSize);
    // In place, as data that comes and goes would be.
    const run = () => void session.encryptInto(data, data, iv);
    return { result: () => session.encrypt(pattern(size), iv), run, close: () => session.close() };
  }
  if (kind === "aead") {
    const session = device.aead(name as AeadName, key);
    const sealed = device.allocate(size + session.tagSize, Math.max(alignmask, 63));
    const nonce = pattern(NONCE);
    return {
      result: () => session.seal(data, nonce),
      run: () => void session.sealInto(data, sealed, nonce),
      close: () => session.close(),
    };
  }
  const session = kind === "hmac" ? device.hmac(name as HmacName, key) : device.hash(name as HashName);
  const digest = new Uint8Array(session.digestSize);
  return {
    result: () => session.digest(data),
    run: () => void session.digestInto(digest, data),
    close: () => session.close(),
  };
}

/** This runtime's node:crypto; `undefined` where it has no such algorithm. */
export function onNode(capability: Capability, size: number): Contender | undefined {
  const { name, kind, ivSize } = capability;
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
