import real from "node:crypto";
import { once } from "node:events";
import { PassThrough, Readable, Transform } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { inspect } from "node:util";
import { ClosedError, Device, type Hash as HashSession } from "@cryptodev/core";
import { CIOCCRYPT, CIOCFSESSION, CIOCGSESSION, LP64, requestNumber } from "@cryptodev/core/abi";
import { cryptoOf, type NodeCrypto } from "cryptodev/crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";
import { RecordingHost } from "../recording_host.ts";
import { collectUntil } from "../runtime.ts";
import { openSessions } from "./open_sessions.ts";

const [key, iv, nonce] = [pattern(16), pattern(16), pattern(12)];
/** Chunks that end within blocks, and do not fit into one buffer of a stream. */
const pieces = Array.from({ length: 50 }, (_, index) => Buffer.from(pattern(1000 + index, index)));

let host: RecordingHost;
let device: Device;
let crypto: NodeCrypto;
beforeEach(() => {
  host = new RecordingHost();
  device = Device.open(host);
  crypto = cryptoOf(device);
});
afterEach(() => device.close());
const count = (ioctl: typeof CIOCGSESSION | typeof CIOCFSESSION) =>
  host.calls.filter(({ request }) => request === requestNumber(ioctl, LP64)).length;
const open = () => openSessions(host);

describe("a stream of node:crypto over a device", () => {
  test.each(["aes-128-cbc", "aes-128-ctr", "aes-128-gcm"])("encrypts and decrypts with %s", async (name) => {
    const start = name.endsWith("gcm") ? nonce : iv;
    const cipher = crypto.createCipheriv(name, key, start);
    const encrypted = await buffer(Readable.from(pieces).pipe(cipher));
    const model = real.createCipheriv(name, key, start);
    expect(encrypted).toEqual(Buffer.concat([...pieces.map((piece) => model.update(piece)), model.final()]));
    const decipher = crypto.createDecipheriv(name, key, start) as real.DecipherGCM;
    if (name.endsWith("gcm")) decipher.setAuthTag((cipher as real.CipherGCM).getAuthTag());
    expect(await buffer(Readable.from([encrypted]).pipe(decipher))).toEqual(Buffer.concat(pieces));
    expect(open()).toBe(0);
  });

  test.each(["hash", "hmac"] as const)("returns the digest of a %s", async (kind) => {
    const make = (from: NodeCrypto) => (kind === "hash" ? from.createHash("sha256") : from.createHmac("sha256", key));
    const model = make(real);
    for (const piece of pieces) model.update(piece);
    expect(await buffer(Readable.from(pieces).pipe(make(crypto)))).toEqual(model.digest());
    // The session of a hash is kept for the next one.
    expect(open()).toBe(kind === "hash" ? 1 : 0);
  });

  test("returns the digest of a hash once after its end", async () => {
    const hash = crypto.createHash("sha1");
    await pipeline(Readable.from(["a", "b", "c"]), hash);
    expect(hash.digest("hex")).toBe("a9993e364706816aba3e25717850c26c9cd0d89d");
    expect(() => hash.digest()).toThrow(expect.objectContaining({ code: "ERR_CRYPTO_HASH_FINALIZED" }));
    const ended = crypto.createHash("sha1");
    ended.end("abc");
    expect(() => ended.update("more")).toThrow(expect.objectContaining({ code: "ERR_CRYPTO_HASH_UPDATE_FAILED" }));
    expect(crypto.createHmac("sha1", "key").end("abc").digest("hex")).toBe("");
  });

  test("encodes the results that are read", () => {
    for (const from of [crypto, real]) {
      const hash = from.createHash("sha1", { encoding: "hex" });
      hash.write("616263", "hex");
      hash.end();
      expect(hash.read()).toBe("a9993e364706816aba3e25717850c26c9cd0d89d");
      const cipher = from.createCipheriv("aes-128-cbc", key, iv).setEncoding("base64");
      cipher.end("text");
      expect(cipher.read()).toBe("jBUJmKkuXmsN2NtjY6pE2g==");
    }
  });

  test("emits an error for a partial block and for forged data", async () => {
    const decipher = crypto.createDecipheriv("aes-128-cbc", key, iv);
    await expect(pipeline(Readable.from([pattern(20)]), decipher, new PassThrough())).rejects.toThrow(
      expect.objectContaining({ code: "ERR_OSSL_WRONG_FINAL_BLOCK_LENGTH" }),
    );
    const unauthentic = crypto.createDecipheriv("aes-128-gcm", key, nonce);
    const failed = once(unauthentic, "error");
    unauthentic.end("text");
    expect(String(await failed)).toBe("Error: Unsupported state or unable to authenticate data");
    expect(open()).toBe(0);
  });

  test("is a Transform, and an instance of Hash, Hmac or Cipheriv", () => {
    const objects = [
      crypto.createHash("sha1"),
      crypto.createHmac("sha1", key),
      crypto.createCipheriv("aes-128-cbc", key, iv),
    ];
    for (const object of objects) expect(object).toBeInstanceOf(Transform);
    const { Hash, Hmac, Cipheriv } = crypto as unknown as Record<string, new () => unknown>;
    expect(objects.map((object) => object.constructor)).toEqual([Hash, Hmac, Cipheriv]);
  });

  test("works behind a proxy, and as the prototype of another object", async () => {
    const wrappers: readonly (<T extends object>(object: T) => T)[] = [
      (object) => new Proxy(object, {}),
      (object) => Object.create(object),
    ];
    for (const wrap of wrappers) {
      const results = async (from: NodeCrypto, wrapped: typeof wrap) => {
        const cipher = wrapped(from.createCipheriv("aes-128-gcm", key, nonce) as real.CipherGCM);
        const streamed = wrapped(from.createHash("sha1"));
        await pipeline(Readable.from(["abc"]), streamed);
        return [
          wrapped(from.createHash("sha1")).update("abc").digest("hex"),
          wrapped(from.createHmac("sha1", "key")).update("abc").digest("hex"),
          cipher.update("text", "utf8", "hex") + cipher.final("hex") + cipher.getAuthTag().toString("hex"),
          streamed.digest("hex"),
        ];
      };
      // Deno's own hashes do not work behind a proxy.
      expect(await results(crypto, wrap)).toEqual(await results(real, (object) => object));
    }
  });

  test("does not show or copy its state", () => {
    const text = pattern(16, 0x61);
    const objects = [
      crypto.createHmac("sha1", text).update("secret"),
      crypto.createHash("sha1", { encoding: "hex" }).update("secret"),
      crypto.createCipheriv("aes-128-cbc", text, iv),
    ];
    for (const object of objects) {
      expect(Reflect.ownKeys({ ...object })).not.toEqual(expect.arrayContaining([expect.any(Symbol)]));
      const shown = inspect(object, { showHidden: true, depth: 10 });
      for (const secret of ["secret", Buffer.from(text).toString(), "97, 98, 99", "61 62 63"]) {
        expect(shown).not.toContain(secret);
      }
    }
  });

  test("has a property session that a program can replace by its own", () => {
    for (const object of [crypto.createHash("sha1"), crypto.createHmac("sha1", key)]) {
      Object.assign(object, { session: "own" });
      expect(object).toMatchObject({ session: "own" });
      expect(Object.keys(object)).toContain("session");
      expect(object.update("abc").digest("hex")).toMatch(/^[0-9a-f]{40}$/);
    }
  });
});

describe("a session of node:crypto over a device", () => {
  const users: readonly [string, (from: NodeCrypto) => Transform][] = [
    ["createHash", (from) => from.createHash("sha1")],
    ["createHmac", (from) => from.createHmac("sha1", key)],
    ["createCipheriv", (from) => from.createCipheriv("aes-128-cbc", key, iv)],
    ["createDecipheriv", (from) => from.createDecipheriv("aes-128-gcm", key, nonce)],
  ];

  test("ends with digest() of an HMAC, and with final(), also if that throws", () => {
    crypto.createHmac("sha1", "key").digest();
    crypto.createHmac("sha1", pattern(1000)).digest();
    crypto.createCipheriv("aes-128-cbc", key, iv).final();
    expect(() => crypto.createDecipheriv("aes-128-cbc", key, iv).final()).toThrow();
    expect(() => crypto.createDecipheriv("aes-128-gcm", key, nonce).final()).toThrow();
    expect(count(CIOCGSESSION)).toBe(7);
    expect(open()).toBe(0);
  });

  test("of a hash serves later hashes of the algorithm, with one call to the kernel for a short message", () => {
    const digests = () =>
      ["", "a", "b".repeat(4096)].map((text) => [
        crypto.createHash("sha1").update(text.slice(0, 1)).update(text.slice(1)).digest("hex"),
        crypto.hash("sha1", text),
      ]);
    digests();
    host.calls.length = 0;
    expect(digests()).toEqual(
      ["", "a", "b".repeat(4096)].map((text) => {
        const digest = real.createHash("sha1").update(text).digest("hex");
        return [digest, digest];
      }),
    );
    expect(host.calls.map(({ request }) => request)).toEqual(Array(6).fill(requestNumber(CIOCCRYPT, LP64)));
  });

  test("of a hash is kept for later ones only a few times, and ends with its device", () => {
    const hashes = Array.from({ length: 10 }, () => crypto.createHash("sha1").update("abc"));
    expect(open()).toBe(10);
    for (const hash of hashes) expect(hash.digest("hex")).toBe("a9993e364706816aba3e25717850c26c9cd0d89d");
    expect(open()).toBe(4);
    device.close();
    expect(open()).toBe(0);
    expect(() => crypto.createHash("sha1")).toThrow(ClosedError);
  });

  test("of a hash that did not finish its message, or that the program has, does not serve another", () => {
    crypto.createHash("sha1").update("abc").destroy();
    expect(open()).toBe(0);
    const shared = crypto.createHash("sha1").update("ab") as real.Hash & { readonly session: HashSession | undefined };
    const { session } = shared;
    session?.update(pattern(1, 0x63));
    expect(shared.digest("hex")).toBe("a9993e364706816aba3e25717850c26c9cd0d89d");
    expect(shared.session).toBeUndefined();
    expect(session?.closed).toBe(true);
    expect(open()).toBe(0);
  });

  test("of a hash that is copied has the whole message so far, and so has the copy", () => {
    const hash = crypto.createHash("sha1").update("a");
    const copy = hash.copy().update("bc");
    expect(copy.digest("hex")).toBe("a9993e364706816aba3e25717850c26c9cd0d89d");
    expect(hash.update("bc").digest("hex")).toBe("a9993e364706816aba3e25717850c26c9cd0d89d");
  });

  test("of a hash with statistics counts its own message only", () => {
    const counted = Device.open(new RecordingHost(), { statistics: true });
    for (let round = 0; round < 2; round += 1) {
      const hash = cryptoOf(counted).createHash("sha1").update(pattern(5000)) as real.Hash & {
        readonly session: HashSession;
      };
      expect(hash.session.statistics?.bytes).toBe(5000);
      hash.digest();
    }
    counted.close();
  });

  test("of a hash whose device was closed throws at digest(), even if the whole message waits", () => {
    const hash = crypto.createHash("sha1").update("abc");
    device.close();
    expect(() => hash.digest()).toThrow(ClosedError);
  });

  test.each(users)("ends when the object of %s is destroyed", (_name, start) => {
    const stream = start(crypto);
    expect(open()).toBeGreaterThan(0);
    stream.destroy();
    expect(open()).toBe(0);
  });

  test.each(users)("ends when the object of %s is dropped, without a warning", async (_name, start) => {
    (() => start(crypto))();
    expect(open()).toBeGreaterThan(0);
    await collectUntil(() => open() === 0);
    expect(open()).toBe(0);
    expect(host.warnings).toEqual([]);
  });

  test("does not start for wrong arguments", () => {
    expect(() => crypto.createHash("sha1", { outputLength: 3 })).toThrow();
    expect(() => crypto.createHash("sha1").copy({ outputLength: 3 })).toThrow();
    expect(() => crypto.createCipheriv("aes-128-cbc", key, null)).toThrow();
    expect(() => crypto.createHmac("nope", key)).toThrow();
    // Only the hash that could not be copied.
    expect(open()).toBe(1);
  });

  test("ends if it is the first of two, and the second cannot start", () => {
    host.device.lacks.add("aes-ctr");
    expect(() => crypto.createCipheriv("aes-128-gcm", key, nonce)).toThrow();
    expect([count(CIOCGSESSION), count(CIOCFSESSION)]).toEqual([2, 1]);
  });
});
