import { Buffer } from "node:buffer";
import node, { type HashOptions } from "node:crypto";
import type { Device } from "@cryptodev/core";
import { Cipheriv, Decipheriv } from "./ciphers.ts";
import { inPlaceOf } from "./delegate.ts";
import { Hash, Hmac, type HmacOptions } from "./digests.ts";
import { invalidArgType, invalidArgValue } from "./errors.ts";
import { isLack } from "./lacks.ts";
import { findNodeHash, nodeCiphers } from "./names.ts";
import type { CipherOptions } from "./start_work.ts";
import { dataOf } from "./values.ts";

/** The interface of node:crypto, as the program's own types declare it. */
export type NodeCrypto = typeof node;

/** Options of {@link cryptoOf}. */
export interface CryptoOptions {
  /**
   * Whether node:crypto may do what the device cannot: algorithms that it lacks, and all functions of node:crypto beside
   * ciphers, hashes and HMACs. If left out it may not, and they throw.
   */
  readonly fallback?: boolean | undefined;
}

/**
 * Gives node:crypto over a device: `createCipheriv`, `createDecipheriv`, `createHash`, `createHmac`, `hash`, `getCiphers`
 * and `getHashes` with node's names, options, streams and errors. The default export is the same over a device that is
 * opened when it is first needed, as `open()` opens it; there the variable `CRYPTODEV_FALLBACK=1` is `fallback`.
 *
 * A session starts with each cipher or hash. It ends with `final()` or `digest()`, with the stream, by `destroy()`, or
 * when the object is collected.
 *
 * GCM takes a nonce of 12 bytes, at most 4096 bytes of aad, and the option `authTagLength` for a tag that is shorter than
 * 16 bytes. Its data is worked on twice and kept until `final()`, because the kernel takes a message at once. XTS works on
 * whole blocks.
 *
 * @param device - stays the caller's to close
 * @returns all that node:crypto has in this runtime. What the device cannot do throws: what node:crypto throws for an
 * algorithm that it does not know, with the device's refusal as the `cause`, or an `UnsupportedError` for another function
 * @example
 * ```ts
 * import { open } from "cryptodev";
 * import { cryptoOf } from "cryptodev/crypto";
 *
 * const device = open({ backend: "auto" });
 * const { createHash } = cryptoOf(device);
 * console.log(createHash("sha1").update("abc").digest("hex")); // a9993e364706816aba3e25717850c26c9cd0d89d
 * device.close();
 * ```
 */
export function cryptoOf(device: Device, { fallback = false }: CryptoOptions = {}): NodeCrypto {
  return cryptoFrom(() => device, fallback);
}

type Call = (...args: never[]) => unknown;

/** The same over a device that is got when it is first needed. */
export function cryptoFrom(device: () => Device, isAllowed: boolean): NodeCrypto {
  /** Has node:crypto do what the device lacks, if it may. */
  const orNode = (name: keyof NodeCrypto, own: Call): Call => {
    if (!isAllowed) return own;
    return (...args) => {
      try {
        return own(...args);
      } catch (error) {
        if (isLack(error)) return (node[name] as Call)(...args);
        throw error;
      }
    };
  };
  const names = (own: () => readonly string[], nodes: () => readonly string[]) => (): string[] =>
    [...new Set([...own(), ...(isAllowed ? nodes() : [])])].sort();
  const request = (name: unknown, key: unknown, iv: unknown, options?: CipherOptions) => ({ name, key, iv, options });
  const own = {
    createCipheriv: orNode("createCipheriv", (...args: Parameters<typeof request>) =>
      Cipheriv.start(device(), request(...args)),
    ),
    createDecipheriv: orNode("createDecipheriv", (...args: Parameters<typeof request>) =>
      Decipheriv.start(device(), request(...args)),
    ),
    createHash: orNode("createHash", (algorithm: unknown, options?: HashOptions) =>
      Hash.start(device(), algorithm, options),
    ),
    createHmac: orNode("createHmac", (algorithm: unknown, key: unknown, options?: HmacOptions) =>
      Hmac.start(device(), algorithm, key, options),
    ),
    hash: orNode("hash", (algorithm: unknown, input: unknown, options?: unknown) =>
      digestOf(device(), algorithm, input, options),
    ),
    getCiphers: names(() => availableCiphers(device()), node.getCiphers),
    getHashes: names(() => availableHashes(device()), node.getHashes),
    Cipheriv,
    Decipheriv,
    Hash,
    Hmac,
  };
  return inPlaceOf(node, own as unknown as Partial<NodeCrypto>, isAllowed);
}

function digestOf(device: Device, algorithm: unknown, input: unknown, options: unknown = "hex"): Buffer | string {
  const given = typeof options === "object" && options !== null ? options : { outputEncoding: options };
  const { outputEncoding = "hex" } = given as { outputEncoding?: unknown };
  if (typeof algorithm !== "string") throw invalidArgType("algorithm", "of type string", algorithm);
  const data = dataOf(input, "utf8", "input");
  if (typeof outputEncoding !== "string") throw invalidArgType("outputEncoding", "of type string", outputEncoding);
  if (outputEncoding !== "buffer" && !Buffer.isEncoding(outputEncoding)) {
    throw invalidArgValue(`The argument 'outputEncoding' is invalid. Received '${outputEncoding}'`);
  }
  return Hash.start(device, algorithm, undefined).update(data).digest(outputEncoding);
}

function availableCiphers(device: Device): string[] {
  const available = new Set(device.capabilities().flatMap(({ name, available }) => (available ? [name] : [])));
  // GCM takes the counter mode beside it.
  const isThere = ({ name }: { readonly name: string }): boolean =>
    available.has(name) && (name !== "aes-gcm" || available.has("aes-ctr"));
  return nodeCiphers.filter(({ algorithm }) => isThere(algorithm)).map(({ name }) => name);
}

function availableHashes(device: Device): string[] {
  return device
    .capabilities()
    .filter(({ name, kind, available }) => kind === "hash" && available && findNodeHash(name) !== undefined)
    .map(({ name }) => name);
}
