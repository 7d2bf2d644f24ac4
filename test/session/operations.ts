import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  type Decipher,
  type Cipher as NodeCipher,
} from "node:crypto";
import {
  type Aead,
  byteLengthOf,
  type Cipher,
  type CipherName,
  type CombinedCipher,
  Device,
  type Hash,
  partOf,
  type SrtpPacket,
  type TlsRecord,
} from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import { pattern } from "../bytes.ts";

/*
 * Every operation of every kind of session, with its expected outcome from another implementation: node:crypto, if it
 * has the algorithm in every runtime.
 */

/** The parameters of a random call, besides its memory. */
export interface Shape {
  /** Bytes of data; rounded to what the session accepts. */
  readonly size: number;
  /** Bytes of header or associated data. */
  readonly aad: number;
  /** Bytes of room beyond what the result needs. */
  readonly spare: number;
  /** Whether the message to open was changed. */
  readonly forged: boolean;
  /** Where data in chunks is split; also selects one of several variants of an operation. */
  readonly cut: number;
}

/** What an operation has to do. */
export interface Outcome {
  /** What it returns; `undefined` if that is not compared. */
  readonly value?: Uint8Array | number | undefined;
  /**
   * What the first bytes of an argument are afterwards; the rest of it, and all other arguments, must stay the same.
   */
  readonly written?: Readonly<Record<number, Uint8Array>>;
  /** The code of the error that it has to throw. */
  readonly code?: string;
}

type Bytes = readonly Uint8Array<ArrayBuffer>[];

/** One operation of a kind of session. */
export interface Operation<S> {
  /** The arguments that are bytes: their contents before the call. */
  inputs(shape: Shape): Bytes;
  /** Whether argument 1 may be the same memory as argument 0. */
  readonly canBeInPlace?: boolean;
  call(session: S, views: readonly Uint8Array[], shape: Shape): unknown;
  /** The expected outcome, from the contents before the call. */
  outcome(before: Bytes, shape: Shape): Outcome;
}

/** A kind of session. */
export interface Kind {
  start(device: Device): unknown;
  /** Whether an operation on it may run in the middle of another one: not if one continues the one before. */
  readonly isStateless: boolean;
  readonly operations: Readonly<Record<string, Operation<unknown>>>;
}

/** A reference other than node:crypto: plain memory, on a device of its own. */
const plain = Device.open(new SoftwareHost());

const key16 = pattern(16, 1);
const key32 = pattern(32, 2);
const key24 = pattern(24, 9);
const mackey = pattern(20, 5);
const round = (size: number, unit: number) => size - (size % unit);
const joined = (...parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const bytesOf = (size: number, seed: number) => pattern(size, seed);
const [encrypts, decrypts] = [true, false];

/** Performs a whole operation with node:crypto. */
function nodeCipher(
  name: string,
  key: Uint8Array,
  iv: Uint8Array | null,
  data: Uint8Array,
  create: (name: string, key: Uint8Array, iv: Uint8Array | null) => NodeCipher | Decipher = createCipheriv,
): Uint8Array<ArrayBuffer> {
  const cipher = create(name, key, iv);
  cipher.setAutoPadding(false);
  return joined(cipher.update(data), cipher.final());
}

interface CipherCase {
  readonly name: CipherName;
  readonly key: Uint8Array;
  readonly unit: number;
  readonly ivSize: number;
  encrypt(data: Uint8Array, iv: Uint8Array): Uint8Array;
  decrypt(data: Uint8Array, iv: Uint8Array): Uint8Array;
}

const byNode = (name: CipherName, nodeName: string, key: Uint8Array, unit: number, ivSize: number): CipherCase => ({
  name,
  key,
  unit,
  ivSize,
  encrypt: (data, iv) => nodeCipher(nodeName, key, ivSize === 0 ? null : iv, data),
  decrypt: (data, iv) => nodeCipher(nodeName, key, ivSize === 0 ? null : iv, data, createDecipheriv),
});

const byReference = (name: CipherName, key: Uint8Array, unit: number, ivSize: number): CipherCase => {
  const session = plain.cipher(name, key);
  const ivOf = (iv: Uint8Array) => (ivSize === 0 ? undefined : iv);
  return {
    name,
    key,
    unit,
    ivSize,
    encrypt: (data, iv) => session.encrypt(data, ivOf(iv)),
    decrypt: (data, iv) => session.decrypt(data, ivOf(iv)),
  };
};

function cipherKind(cipher: CipherCase): Kind {
  const { name, key, unit, ivSize } = cipher;
  const dataOf = ({ size, cut }: Shape) => bytesOf(round(size, unit), cut % 250);
  const ivsOf = ({ size }: Shape) => (ivSize === 0 ? [] : [bytesOf(ivSize, size % 200)]);
  const resultOf = (isEncrypt: boolean, data: Uint8Array | undefined, iv: Uint8Array | undefined) =>
    cipher[isEncrypt ? "encrypt" : "decrypt"](data as Uint8Array, iv ?? new Uint8Array());
  const fresh = (isEncrypt: boolean): Operation<Cipher> => ({
    inputs: (shape) => [dataOf(shape), ...ivsOf(shape)],
    call: (session, [data, iv]) => session[isEncrypt ? "encrypt" : "decrypt"](data as Uint8Array, iv),
    outcome: ([data, iv]) => ({ value: resultOf(isEncrypt, data, iv) }),
  });
  const into = (isEncrypt: boolean): Operation<Cipher> => ({
    canBeInPlace: true,
    inputs: (shape) => [dataOf(shape), bytesOf(dataOf(shape).length + shape.spare, 77), ...ivsOf(shape)],
    call: (session, [data, to, iv]) =>
      session[isEncrypt ? "encryptInto" : "decryptInto"](data as Uint8Array, to as Uint8Array, iv),
    outcome: ([data, , iv]) => ({ value: data?.length, written: { 1: resultOf(isEncrypt, data, iv) } }),
  });
  const chunks = (isEncrypt: boolean): Operation<Cipher> => ({
    inputs: (shape) => [dataOf(shape), ...ivsOf(shape)],
    call: (session, [data, iv], { cut }) => {
      const work = session[isEncrypt ? "encryptor" : "decryptor"](iv, { eager: cut % 2 === 0 });
      const whole = data as Uint8Array;
      const size = byteLengthOf(whole);
      const at = size === 0 ? 0 : cut % size;
      // Without a split, the view itself is passed, because only its length can change.
      const parts = at === 0 ? [whole] : [partOf(whole, 0, at), partOf(whole, at, size)];
      return joined(...parts.map((part) => work.update(part)), work.final());
    },
    outcome: ([data, iv]) => ({ value: resultOf(isEncrypt, data, iv) }),
  });
  const operations: Record<string, Operation<Cipher>> = {
    encrypt: fresh(encrypts),
    decrypt: fresh(decrypts),
    encryptInto: into(encrypts),
    decryptInto: into(decrypts),
    ...(name.endsWith("xts") ? {} : { encryptor: chunks(encrypts), decryptor: chunks(decrypts) }),
  };
  return {
    start: (device) => device.cipher(name, key),
    isStateless: ivSize > 0,
    operations: operations as Kind["operations"],
  };
}

function hashKind(name: "sha1" | "sha256" | "sha512" | "md5", isKeyed: boolean): Kind {
  const digestOf = (...data: readonly Uint8Array[]) => {
    const hash = isKeyed ? createHmac(name, mackey) : createHash(name);
    for (const part of data) hash.update(part);
    return new Uint8Array(hash.digest());
  };
  const size = digestOf().length;
  const operations: Record<string, Operation<Hash>> = {
    digest: {
      inputs: (shape) => [bytesOf(shape.size, shape.cut % 250)],
      call: (session, [data]) => session.digest(data),
      outcome: (before) => ({ value: digestOf(before[0] as Uint8Array) }),
    },
    digestInto: {
      inputs: (shape) => [bytesOf(shape.size, shape.cut % 250), bytesOf(size + shape.spare, 66)],
      call: (session, [data, to]) => session.digestInto(to as Uint8Array, data),
      outcome: (before) => ({ value: size, written: { 1: digestOf(before[0] as Uint8Array) } }),
    },
    "update, copy and digest": {
      inputs: (shape) => [bytesOf(shape.size, 3), bytesOf(shape.aad, 4)],
      call: (session, [first, second], { cut }) => {
        // Otherwise the rest of an operation that failed would be the beginning of this message.
        session.digest();
        session.update(first as Uint8Array);
        const copy = session.copy(isKeyed ? mackey : undefined);
        const [one, other] = cut % 2 === 0 ? [session, copy] : [copy, session];
        const digests = [one.digest(second), other.update(second as Uint8Array).digest()];
        copy.close();
        return joined(...digests);
      },
      outcome: ([first, second]) => {
        const digest = digestOf(first as Uint8Array, second as Uint8Array);
        return { value: joined(digest, digest) };
      },
    },
  };
  return {
    start: (device) => (isKeyed ? device.hmac(name, mackey) : device.hash(name)),
    isStateless: false,
    operations: operations as Kind["operations"],
  };
}

/** Changes one bit if `isForged` is set. */
function forgedIf(isForged: boolean, bytes: Uint8Array<ArrayBuffer>, at: number): Uint8Array<ArrayBuffer> {
  if (isForged && bytes.length > 0) bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ 0x10;
  return bytes;
}

/** Compares bytes. Data that was disturbed meanwhile has to be refused, or the result has to be right for it. */
const isSame = (one: Uint8Array | undefined, other: Uint8Array | undefined) =>
  one !== undefined && other !== undefined && Buffer.compare(one, other) === 0;

function gcmKind(key: Uint8Array, tagSize: number): Kind {
  const seal = (data: Uint8Array, nonce: Uint8Array, aad: Uint8Array) => {
    const cipher = createCipheriv(key.length === 16 ? "aes-128-gcm" : "aes-256-gcm", key, nonce).setAAD(aad);
    const ciphertext = joined(cipher.update(data), cipher.final());
    return joined(ciphertext, cipher.getAuthTag().subarray(0, tagSize));
  };
  return aeadKind((device) => device.aead("aes-gcm", key, { tagSize }), 12, tagSize, seal);
}

function ccmKind(key: Uint8Array, tagSize: number, nonceSize: number): Kind {
  const reference = plain.aead("aes-ccm", key, { tagSize });
  const seal = (data: Uint8Array, nonce: Uint8Array, aad: Uint8Array) => reference.seal(data, nonce, aad);
  return aeadKind((device) => device.aead("aes-ccm", key, { tagSize }), nonceSize, tagSize, seal);
}

function aeadKind(
  start: (device: Device) => Aead,
  nonceSize: number,
  tagSize: number,
  seal: (data: Uint8Array, nonce: Uint8Array, aad: Uint8Array) => Uint8Array,
): Kind {
  const plaintext = ({ size, cut }: Shape) => bytesOf(size, cut % 250);
  const nonceOf = ({ size }: Shape) => bytesOf(nonceSize, size % 200);
  const aadOf = ({ aad }: Shape) => bytesOf(aad, 8);
  const sealed = (shape: Shape) => new Uint8Array(seal(plaintext(shape), nonceOf(shape), aadOf(shape)));
  const forged = (shape: Shape) => forgedIf(shape.forged, sealed(shape), shape.cut);
  /** The plaintext; `undefined` if anything differs from what was sealed. */
  const opened = (before: Bytes, nonceAt: number, shape: Shape) =>
    isSame(before[0], sealed(shape)) &&
    isSame(before[nonceAt], nonceOf(shape)) &&
    isSame(before[nonceAt + 1], aadOf(shape))
      ? plaintext(shape)
      : undefined;
  const operations: Record<string, Operation<Aead>> = {
    seal: {
      inputs: (shape) => [plaintext(shape), nonceOf(shape), aadOf(shape)],
      call: (session, [data, nonce, aad]) => session.seal(data as Uint8Array, nonce as Uint8Array, aad),
      outcome: ([data, nonce, aad]) => ({ value: seal(data as Uint8Array, nonce as Uint8Array, aad as Uint8Array) }),
    },
    sealInto: {
      inputs: (shape) => [
        plaintext(shape),
        bytesOf(shape.size + tagSize + shape.spare, 99),
        nonceOf(shape),
        aadOf(shape),
      ],
      call: (session, [data, to, nonce, aad]) =>
        session.sealInto(data as Uint8Array, to as Uint8Array, nonce as Uint8Array, aad),
      outcome: ([data, , nonce, aad], { size }) => ({
        value: size + tagSize,
        written: { 1: seal(data as Uint8Array, nonce as Uint8Array, aad as Uint8Array) },
      }),
    },
    open: {
      inputs: (shape) => [forged(shape), nonceOf(shape), aadOf(shape)],
      call: (session, [data, nonce, aad]) => session.open(data as Uint8Array, nonce as Uint8Array, aad),
      outcome: (before, shape) => {
        const value = opened(before, 1, shape);
        return value === undefined ? { code: "EBADMSG" } : { value };
      },
    },
    openInto: {
      canBeInPlace: true,
      inputs: (shape) => [forged(shape), bytesOf(shape.size + tagSize + shape.spare, 99), nonceOf(shape), aadOf(shape)],
      call: (session, [data, to, nonce, aad]) =>
        session.openInto(data as Uint8Array, to as Uint8Array, nonce as Uint8Array, aad),
      outcome: (before, shape) => {
        const value = opened(before, 2, shape);
        if (value === undefined) return { code: "EBADMSG", written: { 1: new Uint8Array(shape.size + tagSize) } };
        // The contents of the tag's room are undefined afterwards.
        return { value: shape.size, written: { 1: value } };
      },
    },
  };
  return { start, isStateless: true, operations: operations as Kind["operations"] };
}

const hmacSha1 = (...parts: readonly Uint8Array[]) => {
  const hmac = createHmac("sha1", mackey);
  for (const part of parts) hmac.update(part);
  return new Uint8Array(hmac.digest());
};

function combinedKind(cipher: CipherCase): Kind {
  const plaintext = ({ size, cut }: Shape) => bytesOf(round(size, cipher.unit), cut % 250);
  const ivOf = ({ size }: Shape) => bytesOf(cipher.ivSize, size % 200);
  const ciphertext = (shape: Shape) => new Uint8Array(cipher.encrypt(plaintext(shape), ivOf(shape)));
  const macOf = (shape: Shape) => forgedIf(shape.forged, hmacSha1(plaintext(shape)), shape.cut);
  const opened = (before: Bytes, macAt: number) => {
    const value = cipher.decrypt(before[0] as Uint8Array, before[macAt + 1] as Uint8Array);
    return isSame(before[macAt], hmacSha1(value)) ? value : undefined;
  };
  const operations: Record<string, Operation<CombinedCipher>> = {
    encrypt: {
      inputs: (shape) => [plaintext(shape), ivOf(shape)],
      call: (session, [data, iv]) => {
        const result = session.encrypt(data as Uint8Array, iv);
        return joined(result.ciphertext, result.mac);
      },
      outcome: ([data, iv]) => ({
        value: joined(cipher.encrypt(data as Uint8Array, iv as Uint8Array), hmacSha1(data as Uint8Array)),
      }),
    },
    encryptInto: {
      canBeInPlace: true,
      inputs: (shape) => {
        const data = plaintext(shape);
        return [data, bytesOf(data.length + shape.spare, 7), bytesOf(20 + shape.spare, 8), ivOf(shape)];
      },
      call: (session, [data, to, mac, iv]) =>
        session.encryptInto(data as Uint8Array, to as Uint8Array, mac as Uint8Array, iv),
      outcome: ([data, , , iv]) => ({
        value: data?.length,
        written: { 1: cipher.encrypt(data as Uint8Array, iv as Uint8Array), 2: hmacSha1(data as Uint8Array) },
      }),
    },
    decrypt: {
      inputs: (shape) => [ciphertext(shape), macOf(shape), ivOf(shape)],
      call: (session, [data, mac, iv]) => session.decrypt(data as Uint8Array, mac as Uint8Array, iv),
      outcome: (before) => {
        const value = opened(before, 1);
        return value === undefined ? { code: "EBADMSG" } : { value };
      },
    },
    decryptInto: {
      canBeInPlace: true,
      inputs: (shape) => {
        const data = ciphertext(shape);
        return [data, bytesOf(data.length + shape.spare, 7), macOf(shape), ivOf(shape)];
      },
      call: (session, [data, to, mac, iv]) =>
        session.decryptInto(data as Uint8Array, to as Uint8Array, mac as Uint8Array, iv),
      outcome: (before) => {
        const value = opened(before, 2);
        const size = before[0]?.length ?? 0;
        return value === undefined
          ? { code: "EBADMSG", written: { 1: new Uint8Array(size) } }
          : { value: size, written: { 1: value } };
      },
    },
  };
  return {
    start: (device) => device.combined(cipher.name, cipher.key, "hmac-sha1", mackey),
    isStateless: true,
    operations: operations as Kind["operations"],
  };
}

function tlsKind(): Kind {
  const fragment = ({ size, cut }: Shape) => bytesOf(size, cut % 250);
  const headerOf = ({ aad }: Shape) => bytesOf(aad, 4);
  const ivOf = ({ size }: Shape) => bytesOf(16, size % 200);
  /** Mac, then padding, then CBC (RFC 5246, section 6.2.3.2). */
  const seal = (data: Uint8Array, header: Uint8Array, iv: Uint8Array) => {
    const padding = 16 - ((data.length + 20) % 16);
    const record = joined(data, hmacSha1(header, data), new Uint8Array(padding).fill(padding - 1));
    return nodeCipher("aes-128-cbc", key16, iv, record);
  };
  const record = (shape: Shape) => new Uint8Array(seal(fragment(shape), headerOf(shape), ivOf(shape)));
  const forged = (shape: Shape) => forgedIf(shape.forged, record(shape), shape.cut);
  const isWhole = (before: Bytes, shape: Shape) =>
    isSame(before[0], record(shape)) && isSame(before[1], headerOf(shape)) && isSame(before[2], ivOf(shape));
  const operations: Record<string, Operation<TlsRecord>> = {
    seal: {
      inputs: (shape) => [fragment(shape), headerOf(shape), ivOf(shape)],
      call: (session, [data, header, iv]) => session.seal(data as Uint8Array, header as Uint8Array, iv as Uint8Array),
      outcome: ([data, header, iv]) => ({ value: seal(data as Uint8Array, header as Uint8Array, iv as Uint8Array) }),
    },
    sealInPlace: {
      inputs: (shape) => [joined(fragment(shape), bytesOf(36 + shape.spare, 3)), headerOf(shape), ivOf(shape)],
      call: (session, [data, header, iv], { size }) =>
        session.sealInPlace(data as Uint8Array, size, header as Uint8Array, iv as Uint8Array),
      outcome: ([data, header, iv], { size }) => {
        const sealed = seal((data as Uint8Array).subarray(0, size), header as Uint8Array, iv as Uint8Array);
        return { value: sealed.length, written: { 0: sealed } };
      },
    },
    open: {
      inputs: (shape) => [forged(shape), headerOf(shape), ivOf(shape)],
      call: (session, [data, header, iv]) => session.open(data as Uint8Array, header as Uint8Array, iv as Uint8Array),
      outcome: (before, shape) => (isWhole(before, shape) ? { value: fragment(shape) } : { code: "EBADMSG" }),
    },
    openInPlace: {
      inputs: (shape) => [forged(shape), headerOf(shape), ivOf(shape)],
      call: (session, [data, header, iv]) =>
        session.openInPlace(data as Uint8Array, header as Uint8Array, iv as Uint8Array),
      outcome: (before, shape) => {
        if (!isWhole(before, shape)) return { code: "EBADMSG", written: { 0: new Uint8Array(before[0]?.length ?? 0) } };
        return { value: shape.size, written: { 0: fragment(shape) } };
      },
    },
  };
  return {
    start: (device) => device.tls("aes-128-cbc", key16, "hmac-sha1", mackey),
    isStateless: true,
    operations: operations as Kind["operations"],
  };
}

function srtpKind(tagSize: number): Kind {
  const headerSize = ({ aad }: Shape) => aad % 257;
  // The driver does not open a packet whose payload is shorter than its tag.
  const packet = (shape: Shape) => bytesOf(headerSize(shape) + Math.max(shape.size, tagSize), shape.cut % 250);
  const ivOf = ({ size }: Shape) => bytesOf(16, size % 200);
  const seal = (data: Uint8Array, header: number, iv: Uint8Array) => {
    const encrypted = joined(data.subarray(0, header), nodeCipher("aes-128-ctr", key16, iv, data.subarray(header)));
    return joined(encrypted, hmacSha1(encrypted).subarray(0, tagSize));
  };
  const sealed = (shape: Shape) => new Uint8Array(seal(packet(shape), headerSize(shape), ivOf(shape)));
  const forged = (shape: Shape) => forgedIf(shape.forged, sealed(shape), shape.cut);
  /** The mac covers header and payload, but not the iv: a wrong iv produces another payload. */
  const opened = ([whole, iv]: Bytes, shape: Shape) => {
    const [header, end] = [headerSize(shape), (whole?.length ?? 0) - tagSize];
    const covered = (whole as Uint8Array).subarray(0, end);
    if (!isSame(hmacSha1(covered).subarray(0, tagSize), whole?.subarray(end))) return undefined;
    const payload = nodeCipher("aes-128-ctr", key16, iv as Uint8Array, covered.subarray(header));
    return joined(covered.subarray(0, header), payload);
  };
  const operations: Record<string, Operation<SrtpPacket>> = {
    seal: {
      inputs: (shape) => [packet(shape), ivOf(shape)],
      call: (session, [data, iv], shape) => session.seal(data as Uint8Array, headerSize(shape), iv as Uint8Array),
      outcome: ([data, iv], shape) => ({ value: seal(data as Uint8Array, headerSize(shape), iv as Uint8Array) }),
    },
    sealInPlace: {
      inputs: (shape) => [joined(packet(shape), bytesOf(tagSize, 3)), ivOf(shape)],
      call: (session, [data, iv], shape) =>
        session.sealInPlace(data as Uint8Array, headerSize(shape), iv as Uint8Array),
      outcome: ([data, iv], shape) => {
        const end = (data?.length ?? 0) - tagSize;
        return { written: { 0: seal((data as Uint8Array).subarray(0, end), headerSize(shape), iv as Uint8Array) } };
      },
    },
    open: {
      inputs: (shape) => [forged(shape), ivOf(shape)],
      call: (session, [data, iv], shape) => session.open(data as Uint8Array, headerSize(shape), iv as Uint8Array),
      outcome: (before, shape) => {
        const value = opened(before, shape);
        return value === undefined ? { code: "EBADMSG" } : { value };
      },
    },
    openInPlace: {
      inputs: (shape) => [forged(shape), ivOf(shape)],
      call: (session, [data, iv], shape) =>
        session.openInPlace(data as Uint8Array, headerSize(shape), iv as Uint8Array),
      outcome: (before, shape) => {
        const value = opened(before, shape);
        if (value !== undefined) return { written: { 0: value } };
        const whole = before[0] as Uint8Array<ArrayBuffer>;
        return {
          code: "EBADMSG",
          written: { 0: whole.slice().fill(0, headerSize(shape), whole.length - tagSize) },
        };
      },
    },
  };
  return {
    start: (device) => device.srtp("aes-128-ctr", key16, "hmac-sha1", mackey, { tagSize }),
    isStateless: true,
    operations: operations as Kind["operations"],
  };
}

const aesCbc = byNode("aes-128-cbc", "aes-128-cbc", key16, 16, 16);
const aesCtr = byNode("aes-256-ctr", "aes-256-ctr", key32, 1, 16);

/** Every kind of session, with every operation. */
export const kinds: Readonly<Record<string, Kind>> = {
  "aes-cbc": cipherKind(aesCbc),
  "aes-ctr": cipherKind(aesCtr),
  "aes-ecb": cipherKind(byNode("aes-ecb", "aes-256-ecb", key32, 16, 0)),
  "3des-cbc": cipherKind(byNode("3des-cbc", "des-ede3-cbc", key24, 8, 8)),
  "aes-xts": cipherKind(byReference("aes-xts", key32, 16, 16)),
  null: cipherKind(byReference("null", new Uint8Array(0), 1, 0)),
  sha256: hashKind("sha256", false),
  sha1: hashKind("sha1", false),
  "hmac-sha512": hashKind("sha512", true),
  "hmac-md5": hashKind("md5", true),
  "combined cbc": combinedKind(aesCbc),
  "combined ctr": combinedKind(aesCtr),
  gcm: gcmKind(key16, 16),
  "gcm with short tags": gcmKind(key32, 4),
  ccm: ccmKind(key16, 8, 12),
  tls: tlsKind(),
  srtp: srtpKind(10),
};
