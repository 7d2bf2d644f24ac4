import real from "node:crypto";
import { Device, UnsupportedError } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import * as module from "cryptodev/crypto";
import { cryptoOf, type NodeCrypto } from "cryptodev/crypto";
import { describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";
import { runForJson } from "../child.ts";
import { cryptoOn } from "./crypto_on.ts";

const [key, iv] = [pattern(16), pattern(16)];

describe("node:crypto over a device", () => {
  const device = Device.open(new SoftwareHost({ lacks: ["aes-cbc", "sha512", "hmac-sha512"] }));
  const strict = cryptoOn(device);
  const lenient = cryptoOf(device, { fallback: true });

  const lacking: readonly [string, (from: NodeCrypto) => unknown, string][] = [
    ["a missing cipher", (from) => from.createCipheriv("aes-128-cbc", key, iv).final("hex"), "Unknown cipher"],
    [
      "a cipher that no device has",
      (from) => from.createCipheriv("des-ede3-ecb", pattern(24), null).final("hex"),
      "Unknown cipher",
    ],
    [
      "a nonce of another size than 12 bytes",
      (from) => from.createCipheriv("aes-128-gcm", key, iv).update("abc", "utf8", "hex"),
      "Invalid initialization vector",
    ],
    ["a missing hash", (from) => from.createHash("sha512").digest("hex"), "Digest method not supported"],
    ["a hash that no device has", (from) => from.createHash("sha512-256").digest("hex"), "Digest method not supported"],
    ["a missing HMAC", (from) => from.createHmac("sha512", key).digest("hex"), "Invalid digest: sha512"],
    ["hash() with a missing hash", (from) => from.hash("sha512", "abc"), "Digest method sha512 is not supported"],
    [
      "random bytes",
      (from) => from.randomBytes(4).length,
      "the device does not support randomBytes of node:crypto; to leave to node:crypto what the device cannot do, set CRYPTODEV_FALLBACK=1, or use cryptoOf(device, { fallback: true })",
    ],
    [
      "a key derivation",
      (from) => from.pbkdf2Sync("a", "b", 1, 16, "sha1").toString("hex"),
      "the device does not support pbkdf2Sync of node:crypto",
    ],
    [
      "a part of webcrypto",
      (from) => typeof from.webcrypto.subtle,
      "the device does not support webcrypto.subtle of node:crypto",
    ],
  ];

  test.each(lacking)("leaves %s to node:crypto if fallback is allowed, and throws if not", (name, use, message) => {
    expect(() => use(strict)).toThrow(message);
    // Not every runtime has all of these.
    const expected = attempt(() => use(real));
    if (expected !== undefined) expect(use(lenient)).toEqual(expected);
    else console.log(`skipped: ${name}, because this runtime's node:crypto does not have it either`);
  });

  test("throws an error whose cause is the device's error", () => {
    try {
      strict.createCipheriv("aes-128-cbc", key, iv);
      expect.unreachable();
    } catch (error) {
      expect((error as Error).cause).toMatchObject({ name: "CryptodevError", code: "EINVAL" });
    }
    expect(() => strict.randomBytes(4)).toThrow(UnsupportedError);
    expect(() => strict.randomBytes(4)).toThrow(
      expect.objectContaining({ name: "UnsupportedError", code: "function" }),
    );
  });

  test("does not fall back for wrong arguments", () => {
    expect(() => lenient.createHash(5 as unknown as string)).toThrow('"algorithm" argument');
    expect(() => lenient.createCipheriv("aes-128-ctr", key, null)).toThrow("Invalid initialization vector");
    expect(lenient.createHash("sha1")).toBeInstanceOf(strict.Hash);
    expect(lenient.createHash("sha512")).toBeInstanceOf(lenient.Hash);
  });

  test("always uses node's own functions that no device implements", () => {
    expect(strict.KeyObject).toBe(real.KeyObject);
    expect(strict.constants).toBe(real.constants);
    expect(strict.getFips()).toBe(real.getFips());
    expect(strict.getCurves()).toEqual(real.getCurves());
    expect(strict.timingSafeEqual(key, strict.createSecretKey(key).export())).toBe(true);
  });

  test("returns getCipherInfo() of every listed cipher, with and without fallback", () => {
    for (const from of [strict, lenient]) {
      for (const name of strict.getCiphers()) {
        const { nid, ...info } = from.getCipherInfo(name) as real.CipherInfo;
        const [mode] = /(?<=^\w+(-\w+)?-)[a-z]{3}$/.exec(name) ?? ["cbc"];
        expect(info.mode, name).toBe(name.startsWith("id-") ? name.slice(-3).toLowerCase() : mode);
        expect(from.getCipherInfo(nid)?.keyLength, name).toBe(info.keyLength);
        // Blowfish accepts keys of many sizes, and Bun reports that.
        if (name !== "bf-cbc") expect(from.getCipherInfo(name, { keyLength: 17 }), name).toBeUndefined();
      }
    }
    expect(strict.getCipherInfo("aes-128-ccm")).toMatchObject({ nid: 896, blockSize: 1, ivLength: 12, keyLength: 16 });
    expect(strict.getCipherInfo("aes-128-ccm", { ivLength: 14 })).toBeUndefined();
    expect(strict.getCipherInfo("nope")).toBeUndefined();
  });

  test("throws for methods of functions that may not be used, and does not change instanceof and in for them", () => {
    const { ECDH, Certificate, Sign, subtle } = strict;
    const refusal = (name: string) => `the device does not support ${name} of node:crypto`;
    // Bun does not have all of them.
    if ("convertKey" in real.ECDH) {
      expect(() => ECDH.convertKey("", "secp256k1")).toThrow(refusal("ECDH.convertKey"));
    }
    expect(() => Certificate.verifySpkac(key)).toThrow(refusal("Certificate.verifySpkac"));
    expect(() => Reflect.construct(Sign, ["sha256"])).toThrow(refusal("Sign"));
    expect(real.createSign("sha256")).toBeInstanceOf(Sign);
    expect("digest" in subtle).toBe(true);
    expect("other" in subtle).toBe(false);
    expect(() => subtle.digest).toThrow(refusal("subtle.digest"));
  });

  test("has properties that can be assigned if node's can", () => {
    for (const from of [strict, lenient] as unknown as Record<string, unknown>[]) {
      for (const name of ["rng", "prng", "pseudoRandomBytes"]) {
        const before = (real as unknown as Record<string, unknown>)[name];
        from[name] = "assigned";
        expect(from[name], name).toBe("assigned");
        expect((real as unknown as Record<string, unknown>)[name], name).toBe(before);
      }
      from.fips = real.fips;
      expect(from.fips).toBe(real.fips);
    }
  });

  test("has functions with the name and length of node's, also if they throw", () => {
    const shape = ({ name, length }: { readonly name: string; readonly length: number }) => [name, length];
    expect(shape(strict.pbkdf2Sync)).toEqual(shape(real.pbkdf2Sync));
    expect(shape(strict.createHash)).toEqual(["createHash", 2]);
    expect(shape(lenient.createCipheriv)).toEqual(["createCipheriv", 4]);
  });

  test("falls back in constructors and subclasses, whose objects are instances of the classes", () => {
    const { Hash, Hmac, Cipheriv } = lenient as unknown as Record<string, new (...args: unknown[]) => real.Hash>;
    class Own extends (Hash as new (...args: unknown[]) => real.Hash) {}
    const digest = real.createHash("sha512").update("abc").digest("hex");
    for (const hash of [lenient.createHash("sha512"), new Own("sha512"), new (Hash as typeof Own)("sha512")]) {
      expect(hash).toBeInstanceOf(Hash);
      expect(hash.update("a").copy().update("bc").digest("hex")).toBe(digest);
    }
    expect(new Own("sha512")).toBeInstanceOf(Own);
    expect(lenient.createHash("sha512")).not.toBeInstanceOf(Own);
    expect(lenient.createHash("sha1")).not.toBeInstanceOf(Hmac);
    const cipher = lenient.createCipheriv("aes-128-cbc", key, iv);
    expect(cipher).toBeInstanceOf(Cipheriv);
    expect(cipher.update(key, undefined, "hex")).toBe(
      real.createCipheriv("aes-128-cbc", key, iv).update(key, undefined, "hex"),
    );
  });

  test("does not have GCM if the device does not have counter mode", () => {
    const without = Device.open(new SoftwareHost({ lacks: ["aes-ctr"] }));
    expect(cryptoOf(without).getCiphers()).not.toContain("aes-128-gcm");
    expect(() => cryptoOf(without).createCipheriv("aes-128-gcm", key, pattern(12))).toThrow("Unknown cipher");
    without.close();
  });

  test("lists the algorithms that it can start", () => {
    expect(strict.getHashes()).not.toContain("sha512");
    expect(strict.getCiphers()).not.toContain("aes-128-cbc");
    expect(lenient.getHashes()).toEqual(expect.arrayContaining(real.getHashes()));
    expect(lenient.getCiphers()).toEqual(expect.arrayContaining([...strict.getCiphers(), ...real.getCiphers()]));
  });
});

function attempt<T>(compute: () => T): T | undefined {
  try {
    return compute();
  } catch {
    return undefined;
  }
}

describe("cryptodev/crypto", () => {
  test("exports what programs import from node:crypto by name, and everything as its default export", () => {
    const { default: crypto, cryptoOf: _own, ...named } = module;
    for (const [name, value] of Object.entries(named)) {
      if (name in real) expect(value, name).toBe((crypto as unknown as Record<string, unknown>)[name]);
    }
    expect(Object.getOwnPropertyNames(crypto)).toEqual(expect.arrayContaining(Object.getOwnPropertyNames(real)));
  });

  test("exports every name that this runtime's node:crypto exports, so that imports of it link", () => {
    const code = `
      import * as ours from "cryptodev/crypto";
      import * as real from "node:crypto";
      console.log(JSON.stringify(Object.keys(real).filter((name) => !(name in ours))));
    `;
    expect(runForJson(code)).toEqual([]);
  });

  const program = (code: string, env: Record<string, string>) =>
    runForJson<string[]>(
      `import crypto, { createHash, randomBytes } from "cryptodev/crypto";
      const attempt = (compute) => { try { return compute(); } catch (error) { return error.code ?? error.name; } };
      console.log(JSON.stringify([${code}].map(attempt)));`,
      { env },
    );
  const code = `() => createHash("sha1").update("abc").digest("hex"), () => typeof crypto.randomBytes(1), () => typeof randomBytes(1)`;
  const digest = "a9993e364706816aba3e25717850c26c9cd0d89d";

  test("opens its device on first use, as the environment says", () => {
    const refused = "function";
    expect(program(code, { CRYPTODEV_BACKEND: "software" })).toEqual([digest, refused, refused]);
    expect(program(code, { CRYPTODEV_BACKEND: "software", CRYPTODEV_FALLBACK: "1" })).toEqual([
      digest,
      "object",
      "object",
    ]);
    // An invalid backend is an error, not a reason to fall back.
    expect(program(code, { CRYPTODEV_BACKEND: "none", CRYPTODEV_FALLBACK: "1" })).toEqual([
      "RangeError",
      "object",
      "object",
    ]);
  });

  test("closes the device of a thread when the thread ends", () => {
    expect(
      runForJson(
        `
        import { Worker, isMainThread, parentPort } from "node:worker_threads";
        if (isMainThread) {
          const worker = new Worker(new URL(import.meta.url));
          const messages = [];
          worker.on("message", (message) => messages.push(message));
          worker.on("exit", () => console.log(JSON.stringify(messages)));
        } else {
          const { Device } = await import("@cryptodev/core");
          const { close } = Device.prototype;
          Device.prototype.close = function () {
            close.call(this);
            parentPort.postMessage("closed");
          };
          const { createHash } = await import("cryptodev/crypto");
          parentPort.postMessage(createHash("sha1").update("abc").digest("hex"));
        }
      `,
        { env: { CRYPTODEV_BACKEND: "software" } },
      ),
    ).toEqual([digest, "closed"]);
  });
});
