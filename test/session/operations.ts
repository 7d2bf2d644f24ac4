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
  type CipherWithMac,
  Device,
  type Hmac,
  partOf,
  type SrtpCipher,
  type TlsCipher,
} from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import { pattern } from "../bytes.ts";
import { contentOf } from "../memory.ts";

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
  readonly value?: Uint8Array | number | boolean | undefined;
  /**
   * What the first bytes of an argument are afterwards; the rest of it, and all other arguments, must stay the same.
   */
  readonly written?: Readonly<Record<number, Uint8Array>>;
  /** How many of the first bytes of an argument may be anything afterwards, except for those of `written`. */
  readonly touched?: Readonly<Record<number, number>>;
  /** From where to where an argument consists of zeros afterwards. */
  readonly wiped?: Readonly<Record<number, readonly [number, number]>>;
  /** The name of the error that it has to throw. */
  readonly error?: "AuthenticationError";
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

/** Runs when the library reads a member of an object that accompanies a message. */
let onRead: (() => void) | undefined;

/**
 * Calls `run`, while each member that the library reads of a message's object is a getter that calls `act` first, or a
 * plain member if `act` is undefined.
 */
export function withGetters<T>(act: (() => void) | undefined, run: () => T): T {
  const before = onRead;
  onRead = act;
  try {
    return run();
  } finally {
    onRead = before;
  }
}

/** What accompanies a message: plain members, or getters within {@link withGetters}. */
function members<M extends object>(plainMembers: M): M {
  const act = onRead;
  if (act === undefined) return plainMembers;
  const described = Object.entries(plainMembers).map(([name, value]) => {
    const get = () => {
      act();
      return value;
    };
    return [name, { get, enumerable: true }] as const;
  });
  return Object.defineProperties({}, Object.fromEntries(described)) as M;
}

/** A reference other than node:crypto: plain memory, on a device of its own. */
const plain = Device.open(new SoftwareHost());

const key16 = pattern(16, 1);
const key32 = pattern(32, 2);
const key24 = pattern(24, 9);
const macKey = pattern(20, 5);
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
  const inParts = (
    session: Cipher,
    isEncrypt: boolean,
    [data, iv]: readonly Uint8Array[],
    cut: number,
    options: object,
  ) => {
    const work = session[isEncrypt ? "encryptor" : "decryptor"](iv, members(options));
    const whole = data as Uint8Array;
    const size = byteLengthOf(whole);
    const at = size === 0 ? 0 : cut % size;
    // Without a split, the view itself is passed, because only its length can change.
    const parts = at === 0 ? [whole] : [partOf(whole, 0, at), partOf(whole, at, size)];
    return joined(...parts.map((part) => work.update(part)), work.final());
  };
  const chunks = (isEncrypt: boolean): Operation<Cipher> => ({
    inputs: (shape) => [dataOf(shape), ...ivsOf(shape)],
    call: (session, views, { cut }) =>
      inParts(session, isEncrypt, views, cut, unit === 1 ? { eager: cut % 2 === 0 } : { padding: false }),
    outcome: ([data, iv]) => ({ value: resultOf(isEncrypt, data, iv) }),
  });
  /** Fills the last block (RFC 5652, section 6.3). */
  const padded = (data: Uint8Array) => {
    const count = unit - (data.length % unit);
    return joined(data, new Uint8Array(count).fill(count));
  };
  const padding: Record<string, Operation<Cipher>> = {
    "encryptor, with padding": {
      inputs: (shape) => [bytesOf(shape.size, shape.cut % 250), ...ivsOf(shape)],
      call: (session, views, { cut }) => inParts(session, encrypts, views, cut, { padding: true }),
      outcome: ([data, iv]) => ({ value: resultOf(encrypts, padded(data as Uint8Array), iv) }),
    },
    "decryptor, with padding": {
      inputs: (shape) => {
        const ciphertext = resultOf(encrypts, padded(bytesOf(shape.size, shape.cut % 250)), ivsOf(shape)[0]);
        return [forgedIf(shape.forged, new Uint8Array(ciphertext), shape.cut), ...ivsOf(shape)];
      },
      call: (session, views, { cut }) => inParts(session, decrypts, views, cut, { padding: true }),
      outcome: ([data, iv]) => {
        const all = resultOf(decrypts, data, iv);
        const count = all.at(-1) ?? 0;
        const isRight = count >= 1 && count <= unit && all.subarray(-count).every((byte) => byte === count);
        return isRight ? { value: all.subarray(0, -count) } : { error: "AuthenticationError" };
      },
    },
  };
  const operations: Record<string, Operation<Cipher>> = {
    encrypt: fresh(encrypts),
    decrypt: fresh(decrypts),
    encryptInto: into(encrypts),
    decryptInto: into(decrypts),
    ...(name.endsWith("xts") ? {} : { encryptor: chunks(encrypts), decryptor: chunks(decrypts) }),
    ...(unit === 1 || name.endsWith("xts") ? {} : padding),
  };
  return {
    start: (device) => device.cipher(name, key),
    isStateless: true,
    operations: operations as Kind["operations"],
  };
}

function hashKind(name: "sha1" | "sha256" | "sha512" | "md5", isKeyed: boolean): Kind {
  const digestOf = (...data: readonly Uint8Array[]) => {
    const hash = isKeyed ? createHmac(name, macKey) : createHash(name);
    for (const part of data) hash.update(part);
    return new Uint8Array(hash.digest());
  };
  const size = digestOf().length;
  const operations: Record<string, Operation<Hmac>> = {
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
        const copy = session.copy(...((isKeyed ? [macKey] : []) as [Uint8Array]));
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
    ...(isKeyed && {
      verify: {
        inputs: (shape) => {
          const data = bytesOf(shape.size, shape.cut % 250);
          return [data, forgedIf(shape.forged, digestOf(data), shape.cut)];
        },
        call: (session, [data, mac]) => session.verify(data as Uint8Array, mac as Uint8Array),
        outcome: ([data, mac]) => ({ value: isSame(digestOf(data as Uint8Array), mac) }),
      },
    }),
  };
  return {
    start: (device) => (isKeyed ? device.hmac(name, macKey) : device.hash(name)),
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

type Seal = (data: Uint8Array, nonce: Uint8Array, aad: Uint8Array) => Uint8Array;

const gcmSeal =
  (key: Uint8Array, tagSize: number): Seal =>
  (data, nonce, aad) => {
    const cipher = createCipheriv(key.length === 16 ? "aes-128-gcm" : "aes-256-gcm", key, nonce).setAAD(aad);
    const ciphertext = joined(cipher.update(data), cipher.final());
    return joined(ciphertext, cipher.getAuthTag().subarray(0, tagSize));
  };

function gcmKind(key: Uint8Array, tagSize: number): Kind {
  return aeadKind((device) => device.aead("aes-gcm", key, { tagSize }), 12, tagSize, gcmSeal(key, tagSize));
}

function ccmKind(key: Uint8Array, tagSize: number, nonceSize: number): Kind {
  const reference = plain.aead("aes-ccm", key, { tagSize });
  const seal: Seal = (data, nonce, aad) => reference.seal(data, { nonce, aad });
  return aeadKind((device) => device.aead("aes-ccm", key, { tagSize }), nonceSize, tagSize, seal);
}

/** A message that was sealed with a nonce of its own, and perhaps forged. */
function sealedMessages(nonceSize: number, seal: Seal) {
  const plaintext = ({ size, cut }: Shape) => bytesOf(size, cut % 250);
  const nonceOf = ({ size }: Shape) => bytesOf(nonceSize, size % 200);
  const aadOf = ({ aad }: Shape) => bytesOf(aad, 8);
  const sealed = (shape: Shape) => new Uint8Array(seal(plaintext(shape), nonceOf(shape), aadOf(shape)));
  const forged = (shape: Shape) => forgedIf(shape.forged, sealed(shape), shape.cut);
  /** The plaintext; `undefined` if anything differs from what was sealed. */
  const opened = (
    data: Uint8Array | undefined,
    nonce: Uint8Array | undefined,
    aad: Uint8Array | undefined,
    shape: Shape,
  ) =>
    isSame(data, sealed(shape)) && isSame(nonce, nonceOf(shape)) && isSame(aad, aadOf(shape))
      ? plaintext(shape)
      : undefined;
  return { plaintext, nonceOf, aadOf, forged, opened };
}

/** The outcome of an operation that opens into new memory. */
const openedOrNot = (value: Uint8Array | undefined): Outcome =>
  value === undefined ? { error: "AuthenticationError" } : { value };

/** The outcome of an operation that opens into argument `at`, which may write to its first `touched` bytes. */
const openedInto = (value: Uint8Array | undefined, touched: number, at = 1): Outcome =>
  value === undefined
    ? { error: "AuthenticationError", written: { [at]: new Uint8Array(touched) } }
    : // The contents of the tag's room are undefined afterwards.
      { value: value.length, written: { [at]: value }, touched: { [at]: touched } };

function aeadKind(start: (device: Device) => Aead, nonceSize: number, tagSize: number, seal: Seal): Kind {
  const { plaintext, nonceOf, aadOf, forged, opened } = sealedMessages(nonceSize, seal);
  const sealedOf = (data: Uint8Array | undefined, nonce: Uint8Array | undefined, aad: Uint8Array | undefined) =>
    seal(data as Uint8Array, nonce as Uint8Array, aad as Uint8Array);
  const roomFor = (shape: Shape) => bytesOf(shape.size + tagSize + shape.spare, 99);
  const operations: Record<string, Operation<Aead>> = {
    seal: {
      inputs: (shape) => [plaintext(shape), nonceOf(shape), aadOf(shape)],
      call: (session, [data, nonce, aad]) => session.seal(data as Uint8Array, members({ nonce, aad })),
      outcome: ([data, nonce, aad]) => ({ value: sealedOf(data, nonce, aad) }),
    },
    "seal, detached": {
      inputs: (shape) => [plaintext(shape), nonceOf(shape), aadOf(shape)],
      call: (session, [data, nonce, aad]) => {
        const message = members({ detached: true as const, nonce, aad });
        const { ciphertext, tag } = session.seal(data as Uint8Array, message);
        // The sizes are part of the result.
        return joined(ciphertext, tag, Uint8Array.of(tag.length));
      },
      outcome: ([data, nonce, aad]) => ({ value: joined(sealedOf(data, nonce, aad), Uint8Array.of(tagSize)) }),
    },
    sealInto: {
      inputs: (shape) => [plaintext(shape), roomFor(shape), nonceOf(shape), aadOf(shape)],
      call: (session, [data, to, nonce, aad]) =>
        session.sealInto(data as Uint8Array, to as Uint8Array, members({ nonce, aad })),
      outcome: ([data, , nonce, aad]) => {
        const value = sealedOf(data, nonce, aad);
        return { value: value.length, written: { 1: value } };
      },
    },
    "sealInto, in place": {
      inputs: (shape) => [joined(plaintext(shape), roomFor({ ...shape, size: 0 })), nonceOf(shape), aadOf(shape)],
      call: (session, [memory, nonce, aad], { size }) =>
        session.sealInto(partOf(memory as Uint8Array, 0, size), memory as Uint8Array, members({ nonce, aad })),
      outcome: ([memory, nonce, aad], { size }) => {
        const value = sealedOf(memory?.subarray(0, size), nonce, aad);
        return { value: value.length, written: { 0: value } };
      },
    },
    open: {
      inputs: (shape) => [forged(shape), nonceOf(shape), aadOf(shape)],
      call: (session, [data, nonce, aad]) => session.open(data as Uint8Array, members({ nonce, aad })),
      outcome: ([data, nonce, aad], shape) => openedOrNot(opened(data, nonce, aad, shape)),
    },
    "open, with the tag apart": {
      inputs: (shape) => {
        const whole = forged(shape);
        return [whole.slice(0, shape.size), whole.slice(shape.size), nonceOf(shape), aadOf(shape)];
      },
      call: (session, [data, tag, nonce, aad]) => session.open(data as Uint8Array, members({ tag, nonce, aad })),
      outcome: ([data, tag, nonce, aad], shape) =>
        openedOrNot(opened(joined(data as Uint8Array, tag as Uint8Array), nonce, aad, shape)),
    },
    openInto: {
      canBeInPlace: true,
      inputs: (shape) => [forged(shape), roomFor(shape), nonceOf(shape), aadOf(shape)],
      call: (session, [data, to, nonce, aad]) =>
        session.openInto(data as Uint8Array, to as Uint8Array, members({ nonce, aad })),
      outcome: ([data, , nonce, aad], shape) => openedInto(opened(data, nonce, aad, shape), shape.size + tagSize),
    },
  };
  return { start, isStateless: true, operations: operations as Kind["operations"] };
}

/** Bytes in a nonce that a session generates. */
const NONCE = 12;

function managedKind(key: Uint8Array, tagSize: number): Kind {
  const { plaintext, nonceOf, aadOf, forged, opened } = sealedMessages(NONCE, gcmSeal(key, tagSize));
  const whole = (shape: Shape) => joined(nonceOf(shape), forged(shape));
  const openedWhole = (data: Uint8Array | undefined, aad: Uint8Array | undefined, shape: Shape) =>
    opened(data?.subarray(NONCE), data?.subarray(0, NONCE), aad, shape);
  const roomFor = (shape: Shape) => bytesOf(NONCE + shape.size + tagSize + shape.spare, 99);
  /** The nonce is random, so only the plaintext can be compared; `undefined` if the message was sealed wrong. */
  const plaintextOf = (sealed: Uint8Array, aad: Uint8Array | undefined) => {
    const [end, name] = [sealed.length - tagSize, key.length === 16 ? "aes-128-gcm" : "aes-256-gcm"] as const;
    const cipher = createDecipheriv(name, key, sealed.subarray(0, NONCE), { authTagLength: tagSize });
    cipher.setAAD(contentOf(aad as Uint8Array)).setAuthTag(sealed.subarray(end));
    try {
      return joined(cipher.update(sealed.subarray(NONCE, end)), cipher.final());
    } catch {
      return undefined;
    }
  };
  const operations: Record<string, Operation<Aead>> = {
    seal: {
      inputs: (shape) => [plaintext(shape), aadOf(shape)],
      call: (session, [data, aad]) => plaintextOf(session.seal(data as Uint8Array, members({ aad })), aad),
      outcome: ([data]) => ({ value: data }),
    },
    sealInto: {
      inputs: (shape) => [plaintext(shape), roomFor(shape), aadOf(shape)],
      call: (session, [data, to, aad]) => {
        const size = session.sealInto(data as Uint8Array, to as Uint8Array, members({ aad }));
        return plaintextOf(contentOf(to as Uint8Array).subarray(0, size), aad);
      },
      outcome: ([data]) => ({ value: data, touched: { 1: NONCE + (data?.length ?? 0) + tagSize } }),
    },
    "sealInto, in place": {
      inputs: (shape) => [
        joined(bytesOf(NONCE, 1), plaintext(shape), bytesOf(tagSize + shape.spare, 99)),
        aadOf(shape),
      ],
      call: (session, [memory, aad], { size }) => {
        const data = partOf(memory as Uint8Array, NONCE, NONCE + size);
        const length = session.sealInto(data, memory as Uint8Array, members({ aad }));
        return plaintextOf(contentOf(memory as Uint8Array).subarray(0, length), aad);
      },
      outcome: ([memory], { size }) => ({
        value: memory?.subarray(NONCE, NONCE + size),
        touched: { 0: NONCE + size + tagSize },
      }),
    },
    open: {
      inputs: (shape) => [whole(shape), aadOf(shape)],
      call: (session, [data, aad]) => session.open(data as Uint8Array, members({ aad })),
      outcome: ([data, aad], shape) => openedOrNot(openedWhole(data, aad, shape)),
    },
    openInto: {
      inputs: (shape) => [whole(shape), bytesOf(shape.size + tagSize + shape.spare, 99), aadOf(shape)],
      call: (session, [data, to, aad]) => session.openInto(data as Uint8Array, to as Uint8Array, members({ aad })),
      outcome: ([data, , aad], shape) => openedInto(openedWhole(data, aad, shape), shape.size + tagSize),
    },
    "openInto, in place": {
      inputs: (shape) => [whole(shape), aadOf(shape)],
      call: (session, [memory, aad], { size }) => {
        const to = partOf(memory as Uint8Array, NONCE, NONCE + size + tagSize);
        return session.openInto(memory as Uint8Array, to, members({ aad }));
      },
      outcome: ([memory, aad], shape) => {
        const value = openedWhole(memory, aad, shape);
        const end = NONCE + shape.size + tagSize;
        const nonce = (memory as Uint8Array).subarray(0, NONCE);
        if (value === undefined)
          return { error: "AuthenticationError", touched: { 0: end }, wiped: { 0: [NONCE, end] } };
        return { value: shape.size, written: { 0: joined(nonce, value) }, touched: { 0: end } };
      },
    },
  };
  return {
    start: (device) => device.aead("aes-gcm", key, { tagSize, managedNonce: true }),
    isStateless: true,
    operations: operations as Kind["operations"],
  };
}

const hmacSha1 = (...parts: readonly Uint8Array[]) => {
  const hmac = createHmac("sha1", macKey);
  for (const part of parts) hmac.update(part);
  return new Uint8Array(hmac.digest());
};

function cipherWithMacKind(cipher: CipherCase): Kind {
  const plaintext = ({ size, cut }: Shape) => bytesOf(round(size, cipher.unit), cut % 250);
  const ivOf = ({ size }: Shape) => bytesOf(cipher.ivSize, size % 200);
  const ciphertext = (shape: Shape) => new Uint8Array(cipher.encrypt(plaintext(shape), ivOf(shape)));
  const macOf = (shape: Shape) => forgedIf(shape.forged, hmacSha1(plaintext(shape)), shape.cut);
  const opened = (before: Bytes, macAt: number) => {
    const value = cipher.decrypt(before[0] as Uint8Array, before[macAt + 1] as Uint8Array);
    return isSame(before[macAt], hmacSha1(value)) ? value : undefined;
  };
  const operations: Record<string, Operation<CipherWithMac>> = {
    encrypt: {
      inputs: (shape) => [plaintext(shape), ivOf(shape)],
      call: (session, [data, iv]) => {
        const result = session.encrypt(data as Uint8Array, members({ iv }));
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
        session.encryptInto(data as Uint8Array, to as Uint8Array, members({ mac: mac as Uint8Array, iv })),
      outcome: ([data, , , iv]) => ({
        value: data?.length,
        written: { 1: cipher.encrypt(data as Uint8Array, iv as Uint8Array), 2: hmacSha1(data as Uint8Array) },
      }),
    },
    decrypt: {
      inputs: (shape) => [ciphertext(shape), macOf(shape), ivOf(shape)],
      call: (session, [data, mac, iv]) => session.decrypt(data as Uint8Array, members({ mac: mac as Uint8Array, iv })),
      outcome: (before) => {
        return openedOrNot(opened(before, 1));
      },
    },
    decryptInto: {
      canBeInPlace: true,
      inputs: (shape) => {
        const data = ciphertext(shape);
        return [data, bytesOf(data.length + shape.spare, 7), macOf(shape), ivOf(shape)];
      },
      call: (session, [data, to, mac, iv]) =>
        session.decryptInto(data as Uint8Array, to as Uint8Array, members({ mac: mac as Uint8Array, iv })),
      outcome: (before) => {
        return openedInto(opened(before, 2), before[0]?.length ?? 0);
      },
    },
  };
  return {
    start: (device) => device.cipherWithMac({ cipher: cipher.name, key: cipher.key, mac: "hmac-sha1", macKey }),
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
  const opened = ([data]: Bytes, header: Uint8Array | undefined, iv: Uint8Array | undefined, shape: Shape) =>
    isSame(data, record(shape)) && isSame(header, headerOf(shape)) && isSame(iv, ivOf(shape))
      ? fragment(shape)
      : undefined;
  const message = (header: Uint8Array | undefined, iv: Uint8Array | undefined) =>
    members({ header: header as Uint8Array, iv: iv as Uint8Array });
  /** The driver needs room for the longest padding, and may leave anything there. */
  const room = 36;
  const sealedInto = (
    data: Uint8Array | undefined,
    header: Uint8Array | undefined,
    iv: Uint8Array | undefined,
    at: number,
  ): Outcome => {
    const sealed = seal(data as Uint8Array, header as Uint8Array, iv as Uint8Array);
    const touched = { [at]: (data?.length ?? 0) + room };
    return { value: sealed.length, written: { [at]: sealed }, touched };
  };
  const operations: Record<string, Operation<TlsCipher>> = {
    seal: {
      inputs: (shape) => [fragment(shape), headerOf(shape), ivOf(shape)],
      call: (session, [data, header, iv]) => session.seal(data as Uint8Array, message(header, iv)),
      outcome: ([data, header, iv]) => ({ value: seal(data as Uint8Array, header as Uint8Array, iv as Uint8Array) }),
    },
    sealInto: {
      inputs: (shape) => [fragment(shape), bytesOf(shape.size + room + shape.spare, 99), headerOf(shape), ivOf(shape)],
      call: (session, [data, to, header, iv]) =>
        session.sealInto(data as Uint8Array, to as Uint8Array, message(header, iv)),
      outcome: ([data, , header, iv]) => sealedInto(data, header, iv, 1),
    },
    "sealInto, in place": {
      inputs: (shape) => [joined(fragment(shape), bytesOf(room + shape.spare, 3)), headerOf(shape), ivOf(shape)],
      call: (session, [memory, header, iv], { size }) =>
        session.sealInto(partOf(memory as Uint8Array, 0, size), memory as Uint8Array, message(header, iv)),
      outcome: ([memory, header, iv], { size }) => sealedInto(memory?.subarray(0, size), header, iv, 0),
    },
    open: {
      inputs: (shape) => [forged(shape), headerOf(shape), ivOf(shape)],
      call: (session, [data, header, iv]) => session.open(data as Uint8Array, message(header, iv)),
      outcome: (before, shape) => openedOrNot(opened(before, before[1], before[2], shape)),
    },
    openInto: {
      canBeInPlace: true,
      inputs: (shape) => {
        const data = forged(shape);
        return [data, bytesOf(data.length + shape.spare, 99), headerOf(shape), ivOf(shape)];
      },
      call: (session, [data, to, header, iv]) =>
        session.openInto(data as Uint8Array, to as Uint8Array, message(header, iv)),
      outcome: (before, shape) => openedInto(opened(before, before[2], before[3], shape), before[0]?.length ?? 0),
    },
  };
  return {
    start: (device) => device.tls({ cipher: "aes-128-cbc", key: key16, mac: "hmac-sha1", macKey }),
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
  const opened = (whole: Uint8Array | undefined, iv: Uint8Array | undefined, shape: Shape) => {
    const [header, end] = [headerSize(shape), (whole?.length ?? 0) - tagSize];
    const covered = (whole as Uint8Array).subarray(0, end);
    if (!isSame(hmacSha1(covered).subarray(0, tagSize), whole?.subarray(end))) return undefined;
    const payload = nodeCipher("aes-128-ctr", key16, iv as Uint8Array, covered.subarray(header));
    return joined(covered.subarray(0, header), payload);
  };
  const message = (iv: Uint8Array | undefined, shape: Shape) =>
    members({ headerSize: headerSize(shape), iv: iv as Uint8Array });
  const operations: Record<string, Operation<SrtpCipher>> = {
    seal: {
      inputs: (shape) => [packet(shape), ivOf(shape)],
      call: (session, [data, iv], shape) => session.seal(data as Uint8Array, message(iv, shape)),
      outcome: ([data, iv], shape) => ({ value: seal(data as Uint8Array, headerSize(shape), iv as Uint8Array) }),
    },
    sealInto: {
      inputs: (shape) => {
        const data = packet(shape);
        return [data, bytesOf(data.length + tagSize + shape.spare, 99), ivOf(shape)];
      },
      call: (session, [data, to, iv], shape) =>
        session.sealInto(data as Uint8Array, to as Uint8Array, message(iv, shape)),
      outcome: ([data, , iv], shape) => {
        const value = seal(data as Uint8Array, headerSize(shape), iv as Uint8Array);
        return { value: value.length, written: { 1: value } };
      },
    },
    "sealInto, in place": {
      inputs: (shape) => [joined(packet(shape), bytesOf(tagSize + shape.spare, 3)), ivOf(shape)],
      call: (session, [memory, iv], shape) => {
        const data = partOf(memory as Uint8Array, 0, packet(shape).length);
        return session.sealInto(data, memory as Uint8Array, message(iv, shape));
      },
      outcome: ([memory, iv], shape) => {
        const data = (memory as Uint8Array).subarray(0, packet(shape).length);
        const value = seal(data, headerSize(shape), iv as Uint8Array);
        return { value: value.length, written: { 0: value } };
      },
    },
    open: {
      inputs: (shape) => [forged(shape), ivOf(shape)],
      call: (session, [data, iv], shape) => session.open(data as Uint8Array, message(iv, shape)),
      outcome: ([data, iv], shape) => openedOrNot(opened(data, iv, shape)),
    },
    openInto: {
      canBeInPlace: true,
      inputs: (shape) => {
        const data = forged(shape);
        return [data, bytesOf(data.length + shape.spare, 99), ivOf(shape)];
      },
      call: (session, [data, to, iv], shape) =>
        session.openInto(data as Uint8Array, to as Uint8Array, message(iv, shape)),
      outcome: ([data, , iv], shape) => {
        const [value, size] = [opened(data, iv, shape), data?.length ?? 0];
        if (value !== undefined) return openedInto(value, size);
        const payload = [headerSize(shape), size - tagSize] as const;
        return { error: "AuthenticationError", touched: { 1: size }, wiped: { 1: payload } };
      },
    },
  };
  return {
    start: (device) => device.srtp({ cipher: "aes-128-ctr", key: key16, mac: "hmac-sha1", macKey, tagSize }),
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
  "cbc with mac": cipherWithMacKind(aesCbc),
  "ctr with mac": cipherWithMacKind(aesCtr),
  gcm: gcmKind(key16, 16),
  "gcm with short tags": gcmKind(key32, 4),
  "gcm with managed nonces": managedKind(key16, 16),
  ccm: ccmKind(key16, 8, 12),
  tls: tlsKind(),
  srtp: srtpKind(10),
};
