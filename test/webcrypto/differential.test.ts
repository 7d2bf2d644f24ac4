import { subtleOf } from "cryptodev/webcrypto";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { backends } from "../backends.ts";
import { pattern } from "../bytes.ts";
import { runtimeName } from "../runtime.ts";
import { CryptoKey, type Key, native, outcomeOf, type Subtle } from "./outcome.ts";

/* Compares every operation with the runtime's own subtle: results, and names of errors. */

const isDeno = runtimeName === "Deno";
// Deno's own HMAC does not accept other spellings.
const hashNames = isDeno ? ["SHA-1", "SHA-256", "SHA-384", "SHA-512"] : ["SHA-1", "sha-256", "SHA-384", "Sha-512"];

const keys = fc.constantFrom(16, 24, 32).chain((size) => fc.uint8Array({ minLength: size, maxLength: size }));
const data = fc.oneof(fc.uint8Array({ maxLength: 100 }), fc.integer({ min: 1000, max: 5000 }).map(pattern));
const block = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  // Counters that wrap soon.
  fc.integer({ min: 0, max: 255 }).map((last) => new Uint8Array(16).fill(255).fill(last, 15)),
);

/** Parameters that the specification allows, and that the runtime's own subtle supports. */
const algorithms = fc.oneof(
  block.map((iv) => ({ name: "AES-CBC", iv })),
  // Deno's own supports only these lengths.
  fc.record({
    name: fc.constant("aes-ctr"),
    counter: block,
    length: isDeno ? fc.constantFrom(32, 64, 128) : fc.integer({ min: 1, max: 128 }),
  }),
  fc.record(
    {
      name: fc.constant("AES-GCM"),
      iv: fc.uint8Array({ minLength: 12, maxLength: 12 }),
      additionalData: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(pattern(4096))),
      // Deno's own does not decrypt with shorter tags.
      tagLength: isDeno ? fc.constant(128) : fc.constantFrom(32, 64, 96, 104, 112, 120, 128),
    },
    { requiredKeys: ["name", "iv"] },
  ),
);

/** Parameters of which many are invalid. */
const wrong = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 3, arbitrary },
    { weight: 1, arbitrary: fc.constantFrom(undefined, null, 0, -1, 257, "text", {}) },
  );
const anyAlgorithm = fc.oneof(
  wrong(fc.constantFrom("AES-CBC", "AES-GCM", "AES-CTR", "HMAC")),
  fc.record({ name: fc.constant("AES-CBC"), iv: wrong(block) }),
  fc.record({
    name: fc.constant("AES-CTR"),
    counter: wrong(block),
    length: wrong(fc.constantFrom(0, 32, 64, 128, 129)),
  }),
  fc.record({
    name: fc.constant("AES-GCM"),
    iv: wrong(fc.constant(new Uint8Array(12))),
    additionalData: wrong(fc.uint8Array({ maxLength: 4 })),
    tagLength: wrong(fc.constantFrom(0, 128, isDeno ? 100 : 104, 100)),
  }),
);

/** Correct arguments, but for one that is null. */
const withNull = (member: string): [unknown, "AES-GCM", ("encrypt" | "decrypt")[], unknown] => [
  { name: "AES-GCM", iv: new Uint8Array(12), [member]: null },
  "AES-GCM",
  ["encrypt"],
  new Uint8Array(5),
];

const usageLists = fc.subarray(["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"] as const);

describe.each(backends)("subtle on the $name", (backend) => {
  const device = backend.open();
  const subtle = subtleOf(device) as Subtle;
  afterAll(() => device.close());
  const numRuns = backend.name.includes("x86_64") ? 100 : 15;

  /** Compares the outcome of the same calls. */
  const compare = async (calls: (subtle: Subtle) => Promise<unknown>) => {
    const outcome = await outcomeOf(() => calls(subtle));
    expect(outcome).toEqual(await outcomeOf(() => calls(native)));
    return outcome;
  };

  test.each(hashNames)("digests as the runtime does: %s", async (name) => {
    await fc.assert(
      fc.asyncProperty(data, fc.boolean(), async (bytes, isObject) => {
        await compare((subtle) => subtle.digest(isObject ? { name } : name, bytes));
      }),
      { numRuns },
    );
  });

  test("encrypts and decrypts as the runtime does, with keys that are extractable and others", async () => {
    await fc.assert(
      fc.asyncProperty(keys, algorithms, data, fc.boolean(), async (key, algorithm, bytes, isExtractable) => {
        const { name } = algorithm;
        await compare(async (subtle) => {
          const made = await subtle.importKey("raw", key, name, isExtractable, ["encrypt"]);
          return subtle.encrypt(algorithm, made, bytes);
        });
        const theirs = await native.importKey("raw", key, name, false, ["encrypt"]);
        const ciphertext = new Uint8Array(
          await native.encrypt(algorithm, theirs, bytes).catch(() => new ArrayBuffer(0)),
        );
        await compare(async (subtle) => {
          const made = await subtle.importKey("raw", key, name, isExtractable, ["decrypt"]);
          return subtle.decrypt(algorithm, made, ciphertext);
        });
      }),
      { numRuns },
    );
  });

  test("refuses changed ciphertexts as the runtime does", async () => {
    await fc.assert(
      fc.asyncProperty(keys, algorithms, data, fc.nat(), async (key, algorithm, bytes, where) => {
        const theirs = await native.importKey("raw", key, algorithm.name, false, ["encrypt"]);
        const sealed = await native.encrypt(algorithm, theirs, bytes).catch(() => new ArrayBuffer(16));
        const changed = new Uint8Array(sealed).slice(0, sealed.byteLength - (where % 3 === 0 ? where % 20 : 0));
        if (changed.length > 0) changed[where % changed.length] = (changed[where % changed.length] as number) ^ 1;
        await compare(async (subtle) =>
          subtle.decrypt(algorithm, await subtle.importKey("raw", key, algorithm.name, false, ["decrypt"]), changed),
        );
      }),
      { numRuns },
    );
  });

  test("refuses wrong parameters with the runtime's errors", async () => {
    const keyOf = async (subtle: Subtle, name: string, usages: ("encrypt" | "decrypt")[]) =>
      subtle.importKey("raw", pattern(16), name, false, usages);
    await fc.assert(
      fc.asyncProperty(
        anyAlgorithm,
        fc.constantFrom("AES-CBC", "AES-CTR", "AES-GCM"),
        fc.subarray(["encrypt", "decrypt"] as const, { minLength: 1 }),
        wrong(data),
        async (algorithm, name, usages, bytes) => {
          // Deno's own refuses other names with an InvalidAccessError, unlike the specification.
          fc.pre(!isDeno || typeof algorithm !== "string" || algorithm.startsWith("AES"));
          for (const operation of ["encrypt", "decrypt"] as const) {
            await compare(async (subtle) =>
              subtle[operation](algorithm as never, await keyOf(subtle, name, usages), bytes as Uint8Array),
            );
          }
        },
      ),
      // Deno takes null for none, others refuse it.
      { numRuns, examples: ["additionalData", "tagLength"].map(withNull) },
    );
  });

  test("signs and verifies as the runtime does, with keys of any size", async () => {
    const anyKey = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      fc.constantFrom(512, 513, 2000).map(pattern),
    );
    await fc.assert(
      fc.asyncProperty(
        anyKey,
        fc.constantFrom(...hashNames),
        data,
        fc.boolean(),
        async (key, hash, bytes, isExtractable) => {
          const sign = async (subtle: Subtle) => {
            const made = await subtle.importKey("raw", key, { name: "HMAC", hash }, isExtractable, ["sign", "verify"]);
            const mac = new Uint8Array(await subtle.sign("HMAC", made, bytes));
            const changed = mac.slice();
            changed[0] = (changed[0] as number) ^ 1;
            const verified = [mac, changed, mac.subarray(1), new Uint8Array(0)].map((signature) =>
              subtle.verify({ name: "hmac" }, made, signature, bytes),
            );
            return [Buffer.from(mac).toString("hex"), ...(await Promise.all(verified))];
          };
          expect(await compare(sign)).toEqual([expect.any(String), true, false, false, false]);
        },
      ),
      { numRuns },
    );
  });

  test("imports, exports and generates keys as the runtime does", async () => {
    const jwk = fc.record(
      {
        kty: wrong(fc.constant("oct")),
        k: wrong(fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("base64url"))),
        alg: fc.constantFrom("A128CBC", "A256GCM", "HS256"),
        ext: fc.boolean(),
        use: fc.constantFrom("enc", "sig"),
        key_ops: usageLists,
      },
      { requiredKeys: [] },
    );
    const algorithm = fc.oneof(
      fc.constantFrom("AES-CBC", "AES-CTR", "AES-GCM", "HMAC"),
      fc.record({ name: fc.constantFrom("aes-gcm", "AES-CBC"), length: fc.constantFrom(128, 192, 256, 129) }),
      fc.record({ name: fc.constant("hmac"), hash: fc.constantFrom(...hashNames) }),
    );
    const source = fc.oneof(
      fc.tuple(fc.constant("raw"), wrong(fc.oneof(keys, fc.uint8Array({ maxLength: 70 })))),
      fc.tuple(fc.constant("jwk"), wrong(jwk)),
      fc.tuple(fc.constantFrom("spki", "pkcs8"), wrong(keys)),
    );
    const described = async (subtle: Subtle, made: unknown) => {
      expect(made).toBeInstanceOf(CryptoKey);
      const key = made as Key;
      const exports = ["raw", "jwk", "spki"].map((format) => outcomeOf(() => subtle.exportKey(format as "raw", key)));
      return [key.type, key.extractable, key.algorithm, [...key.usages].sort(), await Promise.all(exports)];
    };
    await fc.assert(
      fc.asyncProperty(
        source,
        algorithm,
        fc.boolean(),
        usageLists,
        async ([format, bytes], name, isExtractable, usages) => {
          await compare(async (subtle) =>
            described(
              subtle,
              await subtle.importKey(format as "raw", bytes as Uint8Array, name, isExtractable, usages),
            ),
          );
          await compare(async (subtle) => {
            const made = (await subtle.generateKey(name as never, isExtractable, usages)) as unknown as Key;
            return [made.type, made.extractable, made.algorithm, [...made.usages].sort()];
          });
        },
      ),
      { numRuns: numRuns * 3 },
    );
  });

  test("wraps and unwraps keys as the runtime does", async () => {
    const list = fc.constantFrom("wrapKey", "unwrapKey", "encrypt");
    await fc.assert(
      fc.asyncProperty(
        keys,
        algorithms,
        fc.constantFrom("raw", "jwk"),
        fc.boolean(),
        fc.uniqueArray(list, { minLength: 1 }),
        async (key, algorithm, format, isExtractable, usages) => {
          await compare(async (subtle) => {
            const wrapping = await subtle.importKey("raw", key, algorithm.name, false, usages as never);
            const hmac = { name: "HMAC", hash: "SHA-256" };
            const inner = await subtle.importKey("raw", key, hmac, isExtractable, ["sign"]);
            const wrapped = await subtle.wrapKey(format as "raw", inner, wrapping, algorithm);
            const outer = await subtle.unwrapKey(format as "raw", wrapped, wrapping, algorithm, hmac, false, ["sign"]);
            return subtle.sign("HMAC", outer, key);
          });
        },
      ),
      { numRuns },
    );
  });
});
