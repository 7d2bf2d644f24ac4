import { freezeTable } from "./frozen.ts";

/** The smallest and the largest of a range of sizes, in bytes. Every size in between is valid too. */
export interface SizeRange {
  /** The smallest size. */
  readonly min: number;
  /** The largest size. */
  readonly max: number;
}

/**
 * What the kernel has to know about a cipher, and the key and data sizes that it accepts. All sizes are in bytes.
 *
 * `kind` says how the cipher is used: CIOCCRYPT runs `"block"` ciphers (whole blocks) and `"stream"` ciphers (any
 * length), CIOCAUTHCRYPT runs `"aead"` and `"record"` ciphers. No driver of `/dev/crypto` supports `"compression"`.
 */
export interface CipherAlgorithm {
  /** The value of `session_op.cipher`. */
  readonly id: number;
  /** The name in this library. */
  readonly name: string;
  /** How it is used. */
  readonly kind: "block" | "stream" | "aead" | "record" | "compression";
  /** The CryptoAPI's name; absent if the header has an id that no driver implements. */
  readonly kernelName?: string;
  /** The Linux release that removed it; absent if current kernels still have it. */
  readonly removedIn?: string;
  /** All key sizes, or their range. */
  readonly keySizes: readonly number[] | SizeRange;
  /** The length of the data must be a multiple of this. */
  readonly blockSize: number;
  /** How many bytes the kernel reads at `iv`; 0 if the cipher does not use an iv. */
  readonly ivSize: number;
  /** The tag sizes of an AEAD. Any other size crashes the kernel. */
  readonly tagSizes?: readonly number[];
}

/** The cipher ids of `<crypto/cryptodev.h>`, under the names of the header. */
export const ciphers = {
  CRYPTO_DES_CBC: {
    id: 1,
    name: "des-cbc",
    kind: "block",
    kernelName: "cbc(des)",
    keySizes: [8],
    blockSize: 8,
    ivSize: 8,
  },
  CRYPTO_3DES_CBC: {
    id: 2,
    name: "3des-cbc",
    kind: "block",
    kernelName: "cbc(des3_ede)",
    keySizes: [24],
    blockSize: 8,
    ivSize: 8,
  },
  CRYPTO_BLF_CBC: {
    id: 3,
    name: "blowfish-cbc",
    kind: "block",
    kernelName: "cbc(blowfish)",
    keySizes: { min: 4, max: 56 },
    blockSize: 8,
    ivSize: 8,
  },
  CRYPTO_CAST_CBC: { id: 4, name: "cast-cbc", kind: "block", keySizes: { min: 5, max: 16 }, blockSize: 8, ivSize: 8 },
  CRYPTO_SKIPJACK_CBC: { id: 5, name: "skipjack-cbc", kind: "block", keySizes: [10], blockSize: 8, ivSize: 8 },
  CRYPTO_AES_CBC: {
    id: 11,
    name: "aes-cbc",
    kind: "block",
    kernelName: "cbc(aes)",
    keySizes: [16, 24, 32],
    blockSize: 16,
    ivSize: 16,
  },
  CRYPTO_ARC4: { id: 12, name: "arc4", kind: "stream", keySizes: { min: 1, max: 256 }, blockSize: 1, ivSize: 0 },
  CRYPTO_DEFLATE_COMP: { id: 15, name: "deflate", kind: "compression", keySizes: [0], blockSize: 1, ivSize: 0 },
  CRYPTO_NULL: {
    id: 16,
    name: "null",
    kind: "stream",
    kernelName: "ecb(cipher_null)",
    keySizes: [0],
    blockSize: 1,
    ivSize: 0,
  },
  CRYPTO_LZS_COMP: { id: 17, name: "lzs", kind: "compression", keySizes: [0], blockSize: 1, ivSize: 0 },
  CRYPTO_AES_CTR: {
    id: 21,
    name: "aes-ctr",
    kind: "stream",
    kernelName: "ctr(aes)",
    keySizes: [16, 24, 32],
    blockSize: 1,
    ivSize: 16,
  },
  CRYPTO_AES_XTS: {
    id: 22,
    name: "aes-xts",
    kind: "block",
    kernelName: "xts(aes)",
    keySizes: [32, 48, 64],
    blockSize: 16,
    ivSize: 16,
  },
  CRYPTO_AES_ECB: {
    id: 23,
    name: "aes-ecb",
    kind: "block",
    kernelName: "ecb(aes)",
    keySizes: [16, 24, 32],
    blockSize: 16,
    ivSize: 0,
  },
  CRYPTO_AES_CFB: {
    id: 24,
    name: "aes-cfb",
    kind: "stream",
    kernelName: "cfb(aes)",
    removedIn: "6.8",
    keySizes: [16, 24, 32],
    blockSize: 1,
    ivSize: 16,
  },
  CRYPTO_AES_OFB: {
    id: 25,
    name: "aes-ofb",
    kind: "stream",
    kernelName: "ofb(aes)",
    removedIn: "6.8",
    keySizes: [16, 24, 32],
    blockSize: 1,
    ivSize: 16,
  },
  CRYPTO_AES_GCM: {
    id: 50,
    name: "aes-gcm",
    kind: "aead",
    kernelName: "gcm(aes)",
    keySizes: [16, 24, 32],
    blockSize: 1,
    ivSize: 12,
    tagSizes: [4, 8, 12, 13, 14, 15, 16],
  },
  CRYPTO_AES_CCM: {
    id: 51,
    name: "aes-ccm",
    kind: "aead",
    kernelName: "ccm(aes)",
    keySizes: [16, 24, 32],
    blockSize: 1,
    ivSize: 16,
    tagSizes: [4, 6, 8, 10, 12, 14, 16],
  },
  CRYPTO_CAMELLIA_CBC: {
    id: 101,
    name: "camellia-cbc",
    kind: "block",
    kernelName: "cbc(camellia)",
    keySizes: [16, 24, 32],
    blockSize: 16,
    ivSize: 16,
  },
  CRYPTO_TLS11_AES_CBC_HMAC_SHA1: {
    id: 108,
    name: "tls11-aes-cbc-hmac-sha1",
    kind: "record",
    kernelName: "tls11(hmac(sha1),cbc(aes))",
    keySizes: [16, 24, 32],
    blockSize: 16,
    ivSize: 16,
  },
  CRYPTO_TLS12_AES_CBC_HMAC_SHA256: {
    id: 109,
    name: "tls12-aes-cbc-hmac-sha256",
    kind: "record",
    kernelName: "tls12(hmac(sha256),cbc(aes))",
    keySizes: [16, 24, 32],
    blockSize: 16,
    ivSize: 16,
  },
} as const;

freezeTable(ciphers);

/** Whether the sizes are a list, not a range. */
export function isList(sizes: CipherAlgorithm["keySizes"]): sizes is readonly number[] {
  return Array.isArray(sizes);
}

/**
 * Checks whether an algorithm accepts a size.
 *
 * @param sizes - all sizes, or their range
 * @returns `true` if `size` is one of them
 * @example
 * ```ts
 * import { ciphers, hasSize } from "cryptodev/abi";
 *
 * console.log(hasSize(ciphers.CRYPTO_AES_CBC.keySizes, 24)); // true
 * ```
 */
export function hasSize(sizes: CipherAlgorithm["keySizes"], size: number): boolean {
  return isList(sizes) ? sizes.includes(size) : size >= sizes.min && size <= sizes.max;
}
