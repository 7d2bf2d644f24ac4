import { freezeTable } from "./frozen.ts";

/** What the kernel has to know about a mac, and what it returns. All sizes are in bytes. */
export interface MacAlgorithm {
  /** The value of `session_op.mac`. */
  readonly id: number;
  /** The name in this library. */
  readonly name: string;
  /** The hash that the mac uses, or the mac itself if it is a plain hash. */
  readonly hash: string;
  /** The CryptoAPI's name; absent if the header has an id that no driver implements. */
  readonly kernelName?: string;
  /** Whether it uses a key. */
  readonly keyed: boolean;
  /** Bytes in a digest. */
  readonly digestSize: number;
}

/**
 * The mac ids of `<crypto/cryptodev.h>`, under the names of the header. Macs and ciphers share one sequence of numbers.
 */
export const macs = {
  CRYPTO_MD5_HMAC: { id: 6, name: "hmac-md5", hash: "md5", kernelName: "hmac(md5)", keyed: true, digestSize: 16 },
  CRYPTO_SHA1_HMAC: { id: 7, name: "hmac-sha1", hash: "sha1", kernelName: "hmac(sha1)", keyed: true, digestSize: 20 },
  CRYPTO_RIPEMD160_HMAC: {
    id: 8,
    name: "hmac-ripemd160",
    hash: "ripemd160",
    kernelName: "hmac(rmd160)",
    keyed: true,
    digestSize: 20,
  },
  CRYPTO_MD5_KPDK: { id: 9, name: "kpdk-md5", hash: "md5", keyed: true, digestSize: 16 },
  CRYPTO_SHA1_KPDK: { id: 10, name: "kpdk-sha1", hash: "sha1", keyed: true, digestSize: 20 },
  CRYPTO_MD5: { id: 13, name: "md5", hash: "md5", kernelName: "md5", keyed: false, digestSize: 16 },
  CRYPTO_SHA1: { id: 14, name: "sha1", hash: "sha1", kernelName: "sha1", keyed: false, digestSize: 20 },
  CRYPTO_SHA2_256_HMAC: {
    id: 18,
    name: "hmac-sha256",
    hash: "sha256",
    kernelName: "hmac(sha256)",
    keyed: true,
    digestSize: 32,
  },
  CRYPTO_SHA2_384_HMAC: {
    id: 19,
    name: "hmac-sha384",
    hash: "sha384",
    kernelName: "hmac(sha384)",
    keyed: true,
    digestSize: 48,
  },
  CRYPTO_SHA2_512_HMAC: {
    id: 20,
    name: "hmac-sha512",
    hash: "sha512",
    kernelName: "hmac(sha512)",
    keyed: true,
    digestSize: 64,
  },
  CRYPTO_RIPEMD160: {
    id: 102,
    name: "ripemd160",
    hash: "ripemd160",
    kernelName: "rmd160",
    keyed: false,
    digestSize: 20,
  },
  CRYPTO_SHA2_224: { id: 103, name: "sha224", hash: "sha224", kernelName: "sha224", keyed: false, digestSize: 28 },
  CRYPTO_SHA2_256: { id: 104, name: "sha256", hash: "sha256", kernelName: "sha256", keyed: false, digestSize: 32 },
  CRYPTO_SHA2_384: { id: 105, name: "sha384", hash: "sha384", kernelName: "sha384", keyed: false, digestSize: 48 },
  CRYPTO_SHA2_512: { id: 106, name: "sha512", hash: "sha512", kernelName: "sha512", keyed: false, digestSize: 64 },
  CRYPTO_SHA2_224_HMAC: {
    id: 107,
    name: "hmac-sha224",
    hash: "sha224",
    kernelName: "hmac(sha224)",
    keyed: true,
    digestSize: 28,
  },
} as const;

freezeTable(macs);
