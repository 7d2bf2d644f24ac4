import real from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backends } from "../backends.ts";
import { pattern } from "../bytes.ts";
import { runtimeName } from "../runtime.ts";
import { cryptoOn } from "./crypto_on.ts";

/* Compares every hash and HMAC with this runtime's node:crypto. */

const names = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "ripemd160"];
const encodings = ["hex", "base64", "base64url", "latin1", "binary", "buffer", undefined] as const;

describe.each(backends)("createHash, createHmac and hash on the $name", (backend) => {
  const crypto = cryptoOn(backend.open());

  test.each(names)("accept a message in chunks of any size: %s", (name) => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 }), fc.uint8Array(), (pieces, key) => {
        const [ours, theirs] = [crypto, real].map((from) => {
          const [hash, hmac] = [from.createHash(name), from.createHmac(name, key)];
          for (const piece of pieces) {
            hash.update(piece);
            hmac.update(piece);
          }
          return [hash.digest("hex"), hmac.digest("hex")];
        });
        expect(ours).toEqual(theirs);
      }),
      { numRuns: backend.name.includes("x86_64") ? 60 : 8 },
    );
  });

  test("return objects with the session that does the work, which node:crypto's objects do not have", () => {
    for (const object of [crypto.createHash("sha1"), crypto.createHmac("sha1", "key")]) {
      expect("session" in object).toBe(true);
      const { session } = object as unknown as { readonly session: { info(): { mac: { name: string } } } };
      expect(session.info().mac.name).toMatch(/sha1/);
    }
    expect("session" in real.createHash("sha1")).toBe(false);
  });

  test.each(names)("accept keys of any size, also longer than the device's limit: %s", (name) => {
    for (const size of [0, 1, 64, 65, 128, 129, 512, 513, 5000]) {
      const [ours, theirs] = [crypto, real].map((from) =>
        from.createHmac(name, pattern(size)).update("data").digest("hex"),
      );
      expect(ours).toBe(theirs);
    }
  });

  test.each(names)("support every encoding: %s", (name) => {
    for (const output of encodings) {
      const [ours, theirs] = [crypto, real].map((from) =>
        from
          .createHash(name)
          .update("zażółć")
          .update("616263", "hex")
          .update("YWJj", "base64")
          .update("\u00e9", "latin1")
          .update("ab", "utf16le")
          .digest(output as "hex"),
      );
      expect(ours).toEqual(theirs);
    }
  });

  test.each(names)("continue a copy and its original independently: %s", (name) => {
    const [ours, theirs] = [crypto, real].map((from) => {
      const hash = from.createHash(name);
      const fresh = hash.copy();
      hash.update("the same beginning");
      const copy = hash.copy();
      return [
        hash.update("1").digest("hex"),
        copy.update("2").copy().digest("hex"),
        copy.digest("hex"),
        fresh.digest("hex"),
      ];
    });
    expect(ours).toEqual(theirs);
  });

  test("accept every type of key and data", () => {
    const bytes = pattern(16);
    const keys = [bytes, bytes.buffer, new DataView(bytes.buffer, 1), real.createSecretKey(bytes), "text", ""];
    const [ours, theirs] = [crypto, real].map((from) =>
      keys.map((key) =>
        from
          .createHmac("sha256", key as Buffer)
          .update(new Uint16Array(bytes.buffer))
          .update(new DataView(bytes.buffer, 3, 5))
          .digest("hex"),
      ),
    );
    expect(ours).toEqual(theirs);
    const inHex = crypto.createHmac("sha1", "6b6579", { encoding: "hex" }).update("data").digest("hex");
    expect(inHex).toBe(real.createHmac("sha1", "key").update("data").digest("hex"));
  });

  test("accept the other names of a hash", () => {
    const expected = real.createHash("sha256").update("abc").digest("hex");
    for (const name of ["SHA256", "Sha-256", "sha2-256", "RSA-SHA256", "sha256WithRSAEncryption"]) {
      expect(crypto.createHash(name).update("abc").digest("hex")).toBe(expected);
    }
    for (const name of ["rmd160", "RIPEMD160", "ripemd-160", "RSA-RIPEMD160"]) {
      expect(crypto.createHash(name).digest("hex")).toBe("9c1185a5c5e9fc54612808977ee8f548b2258d31");
    }
  });

  test("hash a message in one call of hash()", () => {
    const digest = real.createHash("sha1").update("abc").digest();
    expect(crypto.hash("sha1", "abc")).toBe(digest.toString("hex"));
    expect(crypto.hash("sha1", Buffer.from("abc"), "base64")).toBe(digest.toString("base64"));
    expect(crypto.hash("sha1", "abc", "buffer")).toEqual(digest);
    for (const name of ["buffer", "BUFFER"]) expect(crypto.hash("sha1", "abc", name as "buffer")).toEqual(digest);
  });

  test("accept options of hash() if the runtime's hash() does", () => {
    const hash = (from: typeof real, options: unknown) => from.hash("sha256", "abc", options as "hex");
    const outcome = (from: typeof real, options: unknown): unknown => {
      try {
        return hash(from, options);
      } catch (error) {
        return (error as { code?: string }).code ?? String(error);
      }
    };
    const takes = outcome(real, { outputEncoding: "hex" }) === hash(real, "hex");
    console.log(`hash() of ${runtimeName} ${takes ? "accepts" : "does not accept"} options`);
    const wrong = "Error: Output length 16 is invalid for sha256, which does not support XOF";
    for (const [options, expected] of [
      [{}, hash(real, "hex")],
      [{ outputEncoding: "base64" }, hash(real, "base64")],
      [{ outputLength: 32 }, hash(real, "hex")],
      [{ outputLength: 16 }, wrong],
      [{ outputLength: "16" }, "ERR_INVALID_ARG_TYPE"],
      [{ outputLength: -1 }, "ERR_OUT_OF_RANGE"],
    ] as const) {
      expect(outcome(crypto, options)).toBe(takes ? expected : "ERR_INVALID_ARG_TYPE");
    }
    expect(outcome(crypto, ["hex"])).toBe("ERR_INVALID_ARG_TYPE");
  });

  test("support every hash that getHashes() lists", () => {
    const listed = crypto.getHashes();
    expect(listed).toEqual([...listed].sort());
    expect(listed).toEqual(
      expect.arrayContaining([...names, "RSA-SHA1", "sha1WithRSAEncryption", "ssl3-md5", "rmd160"]),
    );
    for (const name of listed) expect(crypto.createHash(name).digest("hex")).toMatch(/^[0-9a-f]+$/);
    // Node.js lists the ones that its OpenSSL has.
    if (runtimeName === "Node.js") {
      const digestOf = (from: typeof real, name: string) => from.createHash(name).update("abc").digest("hex");
      for (const name of real.getHashes()) {
        const isOurs = names.some((own) => digestOf(real, own) === digestOf(real, name));
        expect(listed.includes(name), name).toBe(isOurs);
        if (isOurs) expect(digestOf(crypto, name)).toBe(digestOf(real, name));
      }
    }
  });
});
