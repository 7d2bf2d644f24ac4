import {
  CIOCASYNCFETCH,
  type CipherAlgorithm,
  COP_DECRYPT,
  COP_FLAG_AEAD_SRTP_TYPE,
  COP_FLAG_AEAD_TLS_TYPE,
  COP_FLAG_FINAL,
  COP_FLAG_UPDATE,
  ciphers,
  type MacAlgorithm,
  macs,
} from "@cryptodev/core/abi";
import { type Argument, Call } from "@cryptodev/core/host";

/* The tables of algorithms, copied before any test can change what the library exports. */
const byId = <A extends { readonly id: number }>(table: Readonly<Record<string, A>>) =>
  new Map(Object.values(structuredClone(table)).map((algorithm) => [algorithm.id, algorithm]));
const cipherOf: ReadonlyMap<number, CipherAlgorithm> = byId<CipherAlgorithm>(ciphers);
const macOf: ReadonlyMap<number, MacAlgorithm> = byId<MacAlgorithm>(macs);

const typedArray: object = Object.getPrototypeOf(Uint8Array.prototype);
const byteLength = Object.getOwnPropertyDescriptor(typedArray, "byteLength")?.get as (this: Uint8Array) => number;
const { apply } = Reflect;

/** The driver stores some lengths in an `int`. */
const MOST = 2 ** 31 - 1;
/** The kernel stores the pages of source and destination in one array. */
const MAX_PAGES = 131_072;
const PAGE = 4096;

interface Started {
  readonly cipher: CipherAlgorithm | undefined;
  readonly mac: MacAlgorithm | undefined;
}

/**
 * Checks every call immediately before the device handles it. It measures the memory behind each pointer by the
 * language's own getters: the memory has to have at least the length in the struct, whoever owns it.
 */
export class Vigil {
  /** What was wrong so far; kept here, so that a program that catches all errors cannot hide it. */
  readonly faults: string[] = [];
  /** The number of calls that were checked. */
  seen = 0;
  readonly #addressOf: ((view: Uint8Array) => number) | undefined;
  readonly #sessions = new Map<number, Started>();
  #call: Call = undefined as unknown as Call;

  /** @param addressOf - returns the real address of memory, if the host uses real ones */
  constructor(addressOf?: (view: Uint8Array) => number) {
    this.#addressOf = addressOf;
  }

  /** Checks a call. @throws the first fault */
  before(argument: Argument | null): void {
    if (!(argument instanceof Call)) return;
    this.seen += 1;
    this.#call = argument;
    const found = this.faults.length;
    if (this.#addressOf !== undefined) this.#checkAddresses(this.#addressOf);
    switch (argument.ioctl.argument.name) {
      case "session_op":
        this.#holds("key", this.#value("keylen"));
        this.#holds("mackey", this.#value("mackeylen"));
        break;
      case "crypt_op":
        // CIOCASYNCFETCH's struct is only a result.
        if (argument.ioctl !== CIOCASYNCFETCH) this.#crypt();
        break;
      case "crypt_auth_op":
        this.#authCrypt();
        break;
    }
    if (this.faults.length > found) throw new Error(this.faults[found]);
  }

  /** Records a session that was started. */
  after(argument: Argument | null, result: number): void {
    if (!(argument instanceof Call) || argument.ioctl.argument.name !== "session_op" || result !== 0) return;
    this.#call = argument;
    const [cipher, mac] = [cipherOf.get(this.#value("cipher")), macOf.get(this.#value("mac"))];
    this.#sessions.set(this.#value("ses"), { cipher, mac });
  }

  #at(field: string): number {
    return (this.#call.offset as Readonly<Record<string, number>>)[field] as number;
  }

  #value(field: string): number {
    return this.#call.getUint32(this.#at(field));
  }

  #half(field: string): number {
    return this.#call.getUint16(this.#at(field));
  }

  #pointer(field: string): number {
    return this.#call.getPointer(this.#at(field));
  }

  #size(field: string): number {
    const { result } = this.#call;
    if (result?.address === this.#pointer(field)) return result.size;
    const pointee = this.#call.pointees[this.#at(field) / this.#call.pointerSize];
    return pointee === null || pointee === undefined ? 0 : apply(byteLength, pointee, []);
  }

  #fault(what: string): void {
    this.faults.push(`${this.#call.ioctl.name}: ${what}`);
  }

  #holds(field: string, length: number): void {
    const size = this.#size(field);
    if (size < length) this.#fault(`${field} has ${size} bytes, but the kernel uses ${length}`);
    if (length > 0 && this.#pointer(field) === 0) this.#fault(`${field} is NULL, but the kernel uses ${length} bytes`);
  }

  #checkAddresses(addressOf: (view: Uint8Array) => number): void {
    const { pointees, pointerSize } = this.#call;
    for (const [slot, pointee] of pointees.entries()) {
      if (pointee === null || apply(byteLength, pointee, []) === 0) continue;
      const sent = this.#call.getPointer(slot * pointerSize);
      const real = addressOf(pointee);
      if (sent !== real)
        this.#fault(`pointer ${slot} is ${sent.toString(16)} but its memory is at ${real.toString(16)}`);
    }
  }

  #session(): Started {
    const session = this.#sessions.get(this.#value("ses"));
    if (session === undefined) this.#fault(`session ${this.#value("ses")} was never started`);
    return session ?? { cipher: undefined, mac: undefined };
  }

  /**
   * Checks source and destination: lengths fit an `int`, pages fit the kernel's array, and there is no partial overlap.
   */
  #data(len: number, written: number): void {
    if (Math.max(len, written) > MOST) this.#fault(`len is ${len}, ${written} with the tag and padding`);
    const [src, dst] = [this.#pointer("src"), this.#pointer("dst")];
    const pages = (start: number, size: number) => (size === 0 ? 0 : Math.ceil(((start % PAGE) + size) / PAGE));
    const all =
      src === dst ? pages(dst, Math.max(len, written)) : pages(src, len) + pages(dst, dst === 0 ? 0 : written);
    if (all > MAX_PAGES) this.#fault(`${all} pages of source and destination`);
    if (dst === 0 || src === dst || len === 0) return;
    if (src < dst + written && dst < src + len) this.#fault("source and destination overlap partly");
  }

  #crypt(): void {
    const { cipher, mac } = this.#session();
    const [len, flags] = [this.#value("len"), this.#half("flags")];
    if (cipher?.kind === "aead") this.#fault("the session is one of an AEAD");
    this.#holds("src", len);
    if (cipher !== undefined || this.#pointer("dst") !== 0) this.#holds("dst", len);
    if (cipher !== undefined && this.#pointer("iv") !== 0) this.#holds("iv", cipher.ivSize);
    const ends = (flags & COP_FLAG_FINAL) !== 0 || (flags & COP_FLAG_UPDATE) === 0 || len === 0;
    if (mac !== undefined && ends) this.#holds("mac", mac.digestSize);
    this.#data(len, len);
  }

  #authCrypt(): void {
    const { cipher, mac } = this.#session();
    const [len, flags, tagLen] = [this.#value("len"), this.#half("flags"), this.#value("tag_len")];
    const decrypts = this.#half("op") === COP_DECRYPT;
    const isRecord = flags === COP_FLAG_AEAD_TLS_TYPE || flags === COP_FLAG_AEAD_SRTP_TYPE;
    if (tagLen === 0) this.#fault("tag_len is 0, so the session's previous one counts");
    if (cipher === undefined) this.#fault("the session has no cipher");
    if (isRecord !== (mac !== undefined))
      this.#fault(`flags are ${flags} on a session ${mac ? "with" : "without"} a mac`);
    let written = len;
    if (flags === 0) {
      if (cipher?.tagSizes?.includes(tagLen) !== true) this.#fault(`tag_len is ${tagLen}`);
      if (!decrypts) written += tagLen;
    } else if (isRecord && tagLen > (mac?.digestSize ?? 0)) {
      this.#fault(`tag_len is ${tagLen} but the mac has ${mac?.digestSize}`);
    }
    if (flags === COP_FLAG_AEAD_TLS_TYPE && !decrypts) {
      const block = cipher?.blockSize ?? 1;
      written = (Math.floor((len + tagLen) / block) + 1) * block;
    }
    if (isRecord && this.#pointer("src") !== this.#pointer("dst")) this.#fault("a record is not processed in place");
    if (flags === COP_FLAG_AEAD_SRTP_TYPE) this.#holds("tag", tagLen);
    else if (this.#value("auth_len") > PAGE) this.#fault(`auth_len is ${this.#value("auth_len")}`);
    this.#holds("src", Math.max(len, 1));
    this.#holds("dst", written);
    this.#holds("auth_src", this.#value("auth_len"));
    this.#holds("iv", Math.max(cipher?.ivSize ?? 0, this.#value("iv_len")));
    this.#data(len, written);
  }
}
