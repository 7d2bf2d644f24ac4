import real from "node:crypto";
import { Device } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import type { NodeCrypto } from "cryptodev/crypto";
import { describe, expect, test } from "vitest";
import { runtimeName } from "../runtime.ts";
import { cryptoOn } from "./crypto_on.ts";

/*
 * Compares what programs can check of an error: class, code and message. All runtimes have to throw the errors of
 * Node.js; in Node.js, each case is also compared with its own node:crypto.
 */

type Mistake = readonly [what: string, make: (from: NodeCrypto) => unknown, expected: string];

const [key, iv, nonce] = [Buffer.alloc(16), Buffer.alloc(16), Buffer.alloc(12)];
// biome-ignore lint/suspicious/noExplicitAny: these are calls that the types do not allow
const any = (value: unknown): any => value;
const cbc = (from: NodeCrypto) => any(from.createCipheriv("aes-128-cbc", key, iv));
const cbcBack = (from: NodeCrypto) => any(from.createDecipheriv("aes-128-cbc", key, iv));
const gcm = (from: NodeCrypto, options?: object) => any(from.createCipheriv("aes-128-gcm", key, nonce, options));
const gcmBack = (from: NodeCrypto, options?: object) => any(from.createDecipheriv("aes-128-gcm", key, nonce, options));
const ccm = (from: NodeCrypto, options: object = { authTagLength: 16 }) =>
  any(from.createCipheriv("aes-128-ccm", key, nonce, options as { authTagLength: 16 }));
const ccmBack = (from: NodeCrypto) =>
  any(from.createDecipheriv("aes-128-ccm", key, nonce, { authTagLength: 16 })).setAuthTag(Buffer.alloc(16));
const sha = (from: NodeCrypto) => any(from.createHash("sha1"));
const hmac = (from: NodeCrypto) => any(from.createHmac("sha1", "key"));
/** Runs several steps with the same object. */
const after = (object: unknown, ...steps: ((object: ReturnType<typeof any>) => unknown)[]): unknown =>
  steps.map((step) => step(object));

const type = (text: string) => `TypeError ERR_INVALID_ARG_TYPE ${text}`;
const dataTypes = 'The "data" argument must be of type string or an instance of Buffer, TypedArray, or DataView.';
const keyTypes =
  'The "key" argument must be of type string or an instance of ArrayBuffer, Buffer, TypedArray, DataView, KeyObject, or CryptoKey.';
const ivTypes =
  'The "iv" argument must be of type string or an instance of ArrayBuffer, Buffer, TypedArray, or DataView.';
const wrongIv = "TypeError ERR_CRYPTO_INVALID_IV Invalid initialization vector";
const wrongKey = "RangeError ERR_CRYPTO_INVALID_KEYLEN Invalid key length";
const state = (operation: string) => `Error ERR_CRYPTO_INVALID_STATE Invalid state for operation ${operation}`;
const unfit = (size: number) => `TypeError ERR_CRYPTO_INVALID_AUTH_TAG Invalid authentication tag length: ${size}`;
const noLength = "Error ERR_OSSL_WRONG_FINAL_BLOCK_LENGTH error:1C80006B:Provider routines::wrong final block length";
const badDecrypt = "Error ERR_OSSL_BAD_DECRYPT error:1C800064:Provider routines::bad decrypt";
const unauthentic = "Error undefined Unsupported state or unable to authenticate data";
const cannotAdd = "Error undefined Trying to add data in unsupported state";
const finalized = "Error ERR_CRYPTO_HASH_FINALIZED Digest already called";
const oddHex =
  "TypeError ERR_INVALID_ARG_VALUE The argument 'encoding' is invalid for data of length 3. Received 'hex'";
const notXof =
  "Error ERR_OSSL_EVP_NOT_XOF_OR_INVALID_LENGTH error:030000B2:digital envelope routines::not XOF or invalid length";
const none = "nothing";

const mistakes: readonly Mistake[] = [
  [
    "a cipher that is not a string",
    (from) => from.createCipheriv(any(1), key, iv),
    type('The "cipher" argument must be of type string. Received type number (1)'),
  ],
  [
    "an unknown cipher",
    (from) => from.createCipheriv("nope", key, iv),
    "Error ERR_CRYPTO_UNKNOWN_CIPHER Unknown cipher",
  ],
  ["a key too short", (from) => from.createCipheriv("aes-128-cbc", key.subarray(1), iv), wrongKey],
  ["a key too long for GCM", (from) => from.createDecipheriv("aes-128-gcm", Buffer.alloc(17), nonce), wrongKey],
  [
    "a key that is a number",
    (from) => from.createCipheriv("aes-128-cbc", any(5), iv),
    type(`${keyTypes} Received type number (5)`),
  ],
  [
    "a key that is null",
    (from) => from.createCipheriv("aes-128-cbc", any(null), iv),
    type(`${keyTypes} Received null`),
  ],
  [
    "a public key",
    (from) => from.createCipheriv("aes-128-cbc", any(real.generateKeyPairSync("ed25519").publicKey), iv),
    "TypeError ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE Invalid key object type public, expected secret.",
  ],
  ["an iv too short", (from) => from.createCipheriv("aes-128-cbc", key, iv.subarray(1)), wrongIv],
  ["no iv for CBC", (from) => from.createCipheriv("aes-128-cbc", key, null), wrongIv],
  [
    "an iv that is undefined",
    (from) => from.createCipheriv("aes-128-cbc", key, any(undefined)),
    type(`${ivTypes} Received undefined`),
  ],
  [
    "an iv that is a number",
    (from) => from.createCipheriv("aes-128-cbc", key, any(5)),
    type(`${ivTypes} Received type number (5)`),
  ],
  ["an iv for ECB", (from) => from.createCipheriv("aes-128-ecb", key, iv), wrongIv],
  ["an empty iv for ECB", (from) => from.createCipheriv("aes-128-ecb", key, ""), none],
  [
    "an iv for ECB that is undefined",
    (from) => from.createCipheriv("aes-128-ecb", key, any(undefined)),
    type(`${ivTypes} Received undefined`),
  ],
  ["an empty nonce for GCM", (from) => from.createCipheriv("aes-128-gcm", key, ""), wrongIv],
  ["no nonce for GCM", (from) => from.createCipheriv("aes-128-gcm", key, any(null)), wrongIv],
  ["a wrong iv and a wrong key", (from) => from.createCipheriv("aes-128-cbc", "key", "iv"), wrongIv],
  ["a tag size of 3", (from) => gcm(from, { authTagLength: 3 }), unfit(3)],
  ["a tag size of 17", (from) => gcm(from, { authTagLength: 17 }), unfit(17)],
  [
    "a negative tag size",
    (from) => gcm(from, { authTagLength: -1 }),
    "TypeError ERR_INVALID_ARG_VALUE The property 'options.authTagLength' is invalid. Received -1",
  ],
  [
    "a tag size that is a string",
    (from) => gcm(from, { authTagLength: "a" }),
    "TypeError ERR_INVALID_ARG_VALUE The property 'options.authTagLength' is invalid. Received 'a'",
  ],
  ["a tag size for CBC", (from) => from.createCipheriv("aes-128-cbc", key, iv, any({ authTagLength: 3 })), none],
  [
    "CCM without a tag size",
    (from) => ccm(from, {}),
    "TypeError ERR_CRYPTO_INVALID_AUTH_TAG authTagLength required for aes-128-ccm",
  ],
  ["a CCM tag size of 5", (from) => ccm(from, { authTagLength: 5 }), unfit(5)],
  ["a CCM nonce too long", (from) => from.createCipheriv("aes-128-ccm", key, iv, { authTagLength: 16 }), wrongIv],

  ["data that is a number", (from) => cbc(from).update(5), type(`${dataTypes} Received type number (5)`)],
  ["no data", (from) => cbc(from).update(), type(`${dataTypes} Received undefined`)],
  [
    "data that is an ArrayBuffer",
    (from) => cbc(from).update(new ArrayBuffer(5)),
    type(`${dataTypes} Received an instance of ArrayBuffer`),
  ],
  ["data with an odd number of hex digits", (from) => cbc(from).update("abc", "hex"), oddHex],
  [
    "an output encoding that does not exist",
    (from) => cbc(from).update("abc", "utf8", "nope"),
    "TypeError ERR_UNKNOWN_ENCODING Unknown encoding: nope",
  ],
  [
    "final() twice",
    (from) =>
      after(
        cbc(from),
        (it) => it.final(),
        (it) => it.final(),
      ),
    "Error ERR_CRYPTO_INVALID_STATE Invalid state",
  ],
  [
    "data after final()",
    (from) =>
      after(
        cbc(from),
        (it) => it.final(),
        (it) => it.update("a"),
      ),
    cannotAdd,
  ],
  [
    "setAutoPadding() after final()",
    (from) =>
      after(
        cbc(from),
        (it) => it.final(),
        (it) => it.setAutoPadding(false),
      ),
    state("setAutoPadding"),
  ],
  ["aad for CBC", (from) => cbc(from).setAAD(key), state("setAAD")],
  [
    "XTS with equal halves of the key",
    (from) => from.createCipheriv("aes-128-xts", Buffer.alloc(32, 1), iv),
    "Error ERR_OSSL_XTS_DUPLICATED_KEYS error:1C800095:Provider routines::xts duplicated keys",
  ],
  [
    "XTS with equal halves of the key, to decrypt",
    (from) => from.createDecipheriv("aes-128-xts", Buffer.alloc(32, 1), iv),
    none,
  ],
  [
    "CCM of more bytes than the nonce allows",
    (from) =>
      from.createCipheriv("aes-128-ccm", key, Buffer.alloc(13), { authTagLength: 16 }).update(Buffer.alloc(65536)),
    "RangeError ERR_CRYPTO_INVALID_MESSAGELEN Invalid message length",
  ],
  ["a tag of CBC", (from) => cbc(from).getAuthTag(), state("getAuthTag")],
  ["a tag for CBC", (from) => cbcBack(from).setAuthTag(key), state("setAuthTag")],
  [
    "a partial block without padding",
    (from) =>
      after(
        cbc(from).setAutoPadding(false),
        (it) => it.update("abc"),
        (it) => it.final(),
      ),
    noLength,
  ],
  [
    "a partial block to decrypt",
    (from) =>
      after(
        cbcBack(from),
        (it) => it.update("abc"),
        (it) => it.final(),
      ),
    noLength,
  ],
  [
    "a partial block to decrypt without padding",
    (from) =>
      after(
        cbcBack(from).setAutoPadding(false),
        (it) => it.update("abc"),
        (it) => it.final(),
      ),
    noLength,
  ],
  ["nothing to decrypt", (from) => cbcBack(from).final(), noLength],
  [
    "wrong padding",
    (from) =>
      after(
        cbcBack(from),
        (it) => it.update(key),
        (it) => it.final(),
      ),
    badDecrypt,
  ],
  [
    "wrong padding of 3DES",
    (from) =>
      after(
        any(from.createDecipheriv("des-ede3-cbc", "abcdefghijklmnopqrstuvwx", "12345678")),
        (it) => it.update(key),
        (it) => it.final(),
      ),
    badDecrypt,
  ],

  ["getAuthTag() before final()", (from) => gcm(from).getAuthTag(), state("getAuthTag")],
  [
    "getAuthTag() twice",
    (from) =>
      after(
        gcm(from),
        (it) => it.final(),
        (it) => it.getAuthTag(),
        (it) => it.getAuthTag(),
      ),
    none,
  ],
  [
    "aad after data",
    (from) =>
      after(
        gcm(from),
        (it) => it.update("a"),
        (it) => it.setAAD(key),
      ),
    state("setAAD"),
  ],
  [
    "aad after final()",
    (from) =>
      after(
        gcm(from),
        (it) => it.final(),
        (it) => it.setAAD(key),
      ),
    state("setAAD"),
  ],
  [
    "aad that is a number",
    (from) => gcm(from).setAAD(5),
    type(
      'The "aadbuf" argument must be of type string or an instance of ArrayBuffer, Buffer, TypedArray, or DataView. Received type number (5)',
    ),
  ],
  [
    "final() without a tag",
    (from) =>
      after(
        gcmBack(from),
        (it) => it.update("abc"),
        (it) => it.final(),
      ),
    unauthentic,
  ],
  [
    "a wrong tag",
    (from) =>
      after(
        gcmBack(from).setAuthTag(key),
        (it) => it.update("abc"),
        (it) => it.final(),
      ),
    unauthentic,
  ],
  [
    "a wrong tag, and final() again",
    (from) =>
      after(
        gcmBack(from).setAuthTag(key),
        (it) => expect(() => it.final()).toThrow(),
        (it) => it.final(),
      ),
    "Error ERR_CRYPTO_INVALID_STATE Invalid state",
  ],
  ["a tag of 3 bytes", (from) => gcmBack(from).setAuthTag(key.subarray(13)), unfit(3)],
  ["a tag of 17 bytes", (from) => gcmBack(from).setAuthTag(Buffer.alloc(17)), unfit(17)],
  [
    "a tag of another size than authTagLength",
    (from) => gcmBack(from, { authTagLength: 12 }).setAuthTag(key),
    unfit(16),
  ],
  ["a tag that is set twice", (from) => gcmBack(from).setAuthTag(key).setAuthTag(key), state("setAuthTag")],
  [
    "a tag after data",
    (from) =>
      after(
        gcmBack(from),
        (it) => it.update("abc"),
        (it) => it.setAuthTag(key),
      ),
    none,
  ],
  [
    "a tag that is a number",
    (from) => gcmBack(from).setAuthTag(5),
    type(
      'The "buffer" argument must be of type string or an instance of ArrayBuffer, Buffer, TypedArray, or DataView. Received type number (5)',
    ),
  ],
  ["a tag in hex", (from) => gcmBack(from).setAuthTag("00".repeat(16), "hex"), none],
  [
    "CCM in two chunks",
    (from) =>
      after(
        ccm(from),
        (it) => it.update("abc"),
        (it) => it.update("abc"),
      ),
    cannotAdd,
  ],
  [
    "CCM aad without the size of the data",
    (from) => ccm(from).setAAD(key),
    "TypeError ERR_MISSING_ARGS options.plaintextLength required for CCM mode with AAD",
  ],
  [
    "CCM of another size than plaintextLength",
    (from) => after(ccm(from).setAAD(key, { plaintextLength: 2 }), (it) => it.update("abc")),
    cannotAdd,
  ],
  ["a wrong CCM tag", (from) => after(ccmBack(from), (it) => expect(it.update("abc")).toHaveLength(0)), none],
  [
    "a wrong CCM tag, in final()",
    (from) =>
      after(
        ccmBack(from),
        (it) => it.update("abc"),
        (it) => it.final(),
      ),
    unauthentic,
  ],

  [
    "a hash that is not a string",
    (from) => from.createHash(any(5)),
    type('The "algorithm" argument must be of type string. Received type number (5)'),
  ],
  ["an unknown hash", (from) => from.createHash("nope"), "Error undefined Digest method not supported"],
  ["an outputLength that a hash does not have", (from) => from.createHash("sha1", { outputLength: 4 }), notXof],
  ["the outputLength that a hash has", (from) => from.createHash("sha1", { outputLength: 20 }), none],
  [
    "an outputLength that is not a number",
    (from) => from.createHash("sha1", any({ outputLength: true })),
    type('The "options.outputLength" property must be of type number. Received type boolean (true)'),
  ],
  ["a copy with an outputLength that the hash does not have", (from) => sha(from).copy({ outputLength: 4 }), notXof],
  ["a number to hash", (from) => sha(from).update(5), type(`${dataTypes} Received type number (5)`)],
  [
    "an ArrayBuffer to hash",
    (from) => sha(from).update(new ArrayBuffer(4)),
    type(`${dataTypes} Received an instance of ArrayBuffer`),
  ],
  ["an odd number of hex digits to hash", (from) => sha(from).update("abc", "hex"), oddHex],
  ["text to hash in an encoding that does not exist", (from) => sha(from).update("abc", "nope"), none],
  [
    "data to hash after the digest",
    (from) =>
      after(
        sha(from),
        (it) => it.digest(),
        (it) => it.update("a"),
      ),
    finalized,
  ],
  [
    "two digests",
    (from) =>
      after(
        sha(from),
        (it) => it.digest(),
        (it) => it.digest(),
      ),
    finalized,
  ],
  [
    "a copy after the digest",
    (from) =>
      after(
        sha(from),
        (it) => it.digest(),
        (it) => it.copy(),
      ),
    finalized,
  ],
  [
    "an HMAC whose hash is not a string",
    (from) => from.createHmac(any(5), "key"),
    type('The "hmac" argument must be of type string. Received type number (5)'),
  ],
  [
    "an HMAC of an unknown hash",
    (from) => from.createHmac("nope", "key"),
    "TypeError ERR_CRYPTO_INVALID_DIGEST Invalid digest: nope",
  ],
  ["an HMAC without a key", (from) => from.createHmac("sha1", any(undefined)), type(`${keyTypes} Received undefined`)],
  [
    "an HMAC with a public key",
    (from) => from.createHmac("sha1", any(real.generateKeyPairSync("ed25519").publicKey)),
    "TypeError ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE Invalid key object type public, expected secret.",
  ],
  [
    "two digests of an HMAC",
    (from) =>
      after(
        hmac(from),
        (it) => it.digest(),
        (it) => expect(it.digest("hex")).toBe(""),
      ),
    none,
  ],
  [
    "data for an HMAC after the digest",
    (from) =>
      after(
        hmac(from),
        (it) => it.digest(),
        (it) => it.update("a"),
      ),
    finalized,
  ],
  [
    "hash() of a number",
    (from) => from.hash("sha1", any(5)),
    type(
      'The "input" argument must be of type string or an instance of Buffer, TypedArray, or DataView. Received type number (5)',
    ),
  ],
  [
    "hash() with a name that is not a string",
    (from) => from.hash(any(5), "abc"),
    type('The "algorithm" argument must be of type string. Received type number (5)'),
  ],
  [
    "hash() in an encoding that does not exist",
    (from) => from.hash("sha1", "abc", any("nope")),
    "TypeError ERR_INVALID_ARG_VALUE The argument 'outputEncoding' is invalid. Received 'nope'",
  ],
];

function outcome(make: () => unknown): string {
  try {
    make();
    return none;
  } catch (error) {
    const { name, code, message } = error as Error & { code?: string };
    return `${name} ${code} ${message}`;
  }
}

describe("node:crypto over a device has the outcome of Node.js for", () => {
  const crypto = cryptoOn(Device.open(new SoftwareHost()));

  test.each(mistakes)("%s", (_what, make, expected) => {
    expect(outcome(() => make(crypto))).toBe(expected);
    if (runtimeName === "Node.js") expect(outcome(() => make(real))).toBe(expected);
  });

  test("the properties that OpenSSL adds to its errors", () => {
    const decipher = crypto.createDecipheriv("aes-128-cbc", key, iv);
    expect(() => decipher.final()).toThrow(
      expect.objectContaining({ library: "Provider routines", reason: "wrong final block length" }),
    );
  });

  test("an output encoding that changes between calls", () => {
    const cipher = crypto.createCipheriv("aes-128-ctr", key, iv);
    expect(cipher.update("abc", "utf8", "utf-8")).toBeTypeOf("string");
    expect(cipher.update("abc", "utf8", "utf8")).toBeTypeOf("string");
    // As in Node.js 24. In Node.js 20 this is an internal error.
    expect(outcome(() => cipher.update("abc", "utf8", "hex"))).toBe(
      "TypeError ERR_INVALID_ARG_VALUE The argument 'outputEncoding' cannot be changed from 'utf8'. Received 'hex'",
    );
  });
});

describe("an error does not show a secret from", () => {
  const crypto = cryptoOn(Device.open(new SoftwareHost()));
  const secret = "a secret that nobody should see";

  test.each<readonly [string, (from: NodeCrypto) => unknown]>([
    ["createHmac() with swapped arguments", (from) => from.createHmac(secret, "sha256")],
    ["hash() with swapped arguments", (from) => from.hash(secret, "sha256")],
    ["createCipheriv() with a key in place of the name", (from) => from.createCipheriv(secret, "aes-128-cbc", iv)],
    ["an outputLength that is text", (from) => from.createHash("sha1", any({ outputLength: secret }))],
    [
      "an output encoding that is a key",
      (from) => any(from.createCipheriv("aes-128-ctr", key, iv)).update("a", "utf8", Buffer.from(secret)),
    ],
    ["an authTagLength that is a key", (from) => gcm(from, { authTagLength: Buffer.from(secret) })],
  ])("%s", (_what, use) => {
    const shown = outcome(() => use(crypto));
    expect(shown).toMatch(/^(Type)?Error/);
    expect(shown).not.toContain("secret that");
    expect(shown).not.toContain(Buffer.from(secret).toString("hex").slice(0, 8));
    expect(shown).not.toContain("61 20 73");
  });
});

describe("a limit of the device is checked at once for", () => {
  const crypto = cryptoOn(Device.open(new SoftwareHost()));

  test.each<Mistake>([
    ["a GCM nonce of 16 bytes", (from) => from.createCipheriv("aes-128-gcm", key, iv), wrongIv],
    [
      "more than a page of aad",
      (from) => gcm(from).setAAD(Buffer.alloc(4097)),
      "RangeError ERR_OUT_OF_RANGE aad for aes-128-gcm: expected at most 4096 bytes, got 4097",
    ],
    [
      "more than a page of aad in chunks",
      (from) => gcm(from).setAAD(Buffer.alloc(4096)).setAAD("a"),
      "RangeError ERR_OUT_OF_RANGE aad for aes-128-gcm: expected at most 4096 bytes, got 4097",
    ],
    [
      "more than a page of aad for CCM",
      (from) => ccm(from).setAAD(Buffer.alloc(4097), { plaintextLength: 1 }),
      "RangeError ERR_OUT_OF_RANGE aad for aes-128-ccm: expected at most 4096 bytes, got 4097",
    ],
    [
      "a partial block of XTS",
      (from) => any(from.createCipheriv("aes-128-xts", Buffer.alloc(32).fill(1, 16), iv)).update(Buffer.alloc(17)),
      "RangeError ERR_OUT_OF_RANGE data for aes-128-xts: expected a multiple of 16 bytes, got 17",
    ],
    [
      "a GCM message that is too large for the driver, before it is copied",
      (from) => gcm(from).update(Buffer.allocUnsafeSlow(2 ** 28)),
      "RangeError ERR_OUT_OF_RANGE data for aes-128-gcm: expected at most 268419072 bytes in all chunks together, got 268435456",
    ],
  ])("%s", (_what, make, expected) => {
    expect(outcome(() => make(crypto))).toBe(expected);
  });

  test("a GCM nonce, with the reason as the error's cause", () => {
    const { cause } = (() => {
      try {
        return crypto.createCipheriv("aes-128-gcm", key, iv) as unknown as Error;
      } catch (error) {
        return error as Error;
      }
    })();
    expect(String(cause)).toBe("RangeError: iv for aes-128-gcm: expected 12 bytes, got 16");
  });
});
