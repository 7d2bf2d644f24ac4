import { Device } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import { subtleOf } from "cryptodev/webcrypto";
import { afterAll, describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";
import { runtimeName } from "../runtime.ts";
import { CryptoKey, type Key, native, type Subtle } from "./outcome.ts";

/*
 * Follows the specification method by method, as the tests of the web platform do: every case has the outcome of the
 * runtime's own subtle, and is rejected as early.
 */

const device = Device.open(new SoftwareHost());
afterAll(() => device.close());
const subtles: readonly [string, Subtle][] = [
  ["without fallback", subtleOf(device) as Subtle],
  ["with fallback", subtleOf(device, { fallback: true }) as Subtle],
];

/** Arguments that no type allows. */
type Any = never;

const ciphers = {
  "AES-CBC": { name: "AES-CBC", iv: pattern(16) },
  "AES-CTR": { name: "AES-CTR", counter: pattern(16), length: 64 },
  "AES-GCM": { name: "AES-GCM", iv: pattern(12), additionalData: pattern(5), tagLength: 128 },
};
const names = Object.keys(ciphers) as (keyof typeof ciphers)[];
const hashes = ["SHA-1", "SHA-256", "SHA-384", "SHA-512"];
const allUsages = ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey", "deriveKey", "deriveBits"] as const;
type Usage = (typeof allUsages)[number];
const aesUsages: readonly Usage[] = ["encrypt", "decrypt", "wrapKey", "unwrapKey"];

/** All sets of usages, in order and not, and one that is not valid. */
const usagesOf = (valid: readonly Usage[]): Usage[][] => [
  ...Array.from({ length: 2 ** valid.length }, (_, bits) => valid.filter((_usage, index) => bits & (1 << index))),
  [...valid].reverse(),
  [...valid, ...valid],
  ...allUsages.filter((usage) => !valid.includes(usage)).flatMap((usage) => [[usage], [...valid, usage]]),
  ["dance" as Usage],
];

/** Describes a result so that two can be compared. */
const described = (value: unknown): unknown => {
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString("hex");
  if (!(value instanceof CryptoKey)) return value;
  const { type, extractable, algorithm, usages } = value as Key;
  return [Object.getPrototypeOf(value) === CryptoKey.prototype, type, extractable, algorithm, [...usages]];
};

/** Calls a method. Also reports whether its promise was rejected before a promise that was resolved after the call. */
const call = async (run: () => Promise<unknown>): Promise<unknown> => {
  let isLater = false;
  const promise = run();
  const settled = promise.then(
    (value) => described(value),
    (error: Error) => `rejected ${isLater ? "later" : "at once"} with ${error.name}`,
  );
  Promise.resolve().then(() => {
    isLater = true;
  });
  return settled;
};

/** Compares the outcome of the same calls. */
const compare = async (subtle: Subtle, what: unknown, run: (subtle: Subtle) => Promise<unknown>, isTimed = false) => {
  const outcome = await call(() => run(subtle));
  const expected = await call(() => run(native));
  const withoutTime = (result: unknown) =>
    typeof result === "string" && !isTimed ? result.replace(/ (later|at once)/, "") : result;
  expect(withoutTime(outcome), JSON.stringify(what)).toEqual(withoutTime(expected));
};

const isNode = runtimeName === "Node.js";
const isDeno = runtimeName === "Deno";

describe.each(subtles)("subtle %s", (_name, subtle) => {
  test("generates keys of all lengths and usages", async () => {
    for (const name of names) {
      for (const length of [128, 192, 256]) {
        for (const usages of usagesOf(aesUsages)) {
          for (const extractable of [true, false]) {
            for (const spelled of [name, name.toLowerCase()]) {
              const args = [{ name: spelled, length }, extractable, usages] as const;
              // A key has other bytes each time, which are not compared.
              await compare(subtle, args, (from) => from.generateKey(...args));
            }
          }
        }
      }
    }
    for (const hash of [...hashes, { name: "sha-256" }]) {
      for (const length of [undefined, 8, 160, 512, 1024]) {
        for (const usages of usagesOf(["sign", "verify"])) {
          const args = [{ name: "HMAC", hash, length }, false, usages] as const;
          await compare(subtle, args, (from) => from.generateKey(...(args as unknown as [Any, Any, Any])));
        }
      }
    }
  });

  test("refuses to generate keys that the specification does not allow", async () => {
    const algorithms: unknown[] = [
      {},
      "AES",
      { name: "AES" },
      { name: "AES", length: 128 },
      { name: "AES-CMAC", length: 128 },
      { name: "HMAC", hash: "MD5" },
      { name: "HMAC" },
      { name: "HMAC", hash: {} },
      "HMAC",
      "AES-GCM",
      null,
      undefined,
      7,
      ...[0, 64, 127, 129, 255, 257, 512, -1, 2 ** 32, Number.NaN, "128", "x", null].map((length) => ({
        name: "AES-CBC",
        length,
      })),
      { name: "HMAC", hash: "SHA-256", length: 0 },
    ];
    for (const algorithm of algorithms) {
      for (const usages of [[], ["decrypt"], ["sign"], ["sign", "deriveBits"], undefined, "encrypt", [null]]) {
        // Deno's own does not convert them to booleans.
        for (const extractable of isDeno ? [false, true] : [false, true, "RED", 0]) {
          const args = [algorithm, extractable, usages] as unknown as [Any, Any, Any];
          // An unknown algorithm is rejected at once, which Deno and Bun do not always do.
          const isUnknown = isNode && JSON.stringify(algorithm)?.includes('"AES"') === true;
          await compare(
            subtle,
            args,
            (from) => from.generateKey(...args),
            isUnknown && Array.isArray(usages) && usages[0] !== null,
          );
        }
      }
    }
  });

  test("imports and exports keys in every format", async () => {
    const k = (size: number) => Buffer.from(pattern(size)).toString("base64url");
    for (const size of [0, 8, 15, 16, 24, 32, 33]) {
      for (const name of [...names, "HMAC"]) {
        const isMac = name === "HMAC";
        const algorithm = isMac ? { name, hash: "SHA-256" } : { name };
        const alg = isMac ? "HS256" : `A${size * 8}${name.slice(4)}`;
        for (const [format, data] of [
          ["raw", pattern(size)],
          // Node.js 20 does not have it.
          ["raw-secret", pattern(size)],
          ["jwk", { kty: "oct", k: k(size), alg }],
          ["jwk", { kty: "oct", k: k(size) }],
          ["spki", pattern(size)],
          ["raw", { kty: "oct", k: k(size) }],
          ["jwk", pattern(size)],
        ] as unknown as [Any, Any][]) {
          for (const extractable of [true, false]) {
            for (const usages of usagesOf(isMac ? ["sign", "verify"] : ["encrypt", "decrypt"])) {
              const args = [format, data, algorithm, extractable, usages] as [Any, Any, Any, boolean, Usage[]];
              await compare(subtle, args, (from) => from.importKey(...args));
            }
            for (const exportFormat of ["raw", "raw-secret", "jwk", "pkcs8", "none"] as Any[]) {
              const usages: Usage[] = isMac ? ["sign"] : ["encrypt"];
              await compare(subtle, [format, data, algorithm, exportFormat], async (from) =>
                from.exportKey(exportFormat, await from.importKey(format, data, algorithm, extractable, usages)),
              );
            }
          }
        }
      }
    }
  });

  test("converts formats and names to strings", async () => {
    const iv = { name: "AES-CBC", iv: pattern(16) };
    for (const convert of [
      (text: string) => new String(text),
      (text: string) => [text],
      () => Symbol("text"),
    ] as Any[]) {
      const text: (text: string) => Any = convert;
      for (const format of ["raw", "jwk"]) {
        await compare(subtle, [String(convert), format], async (from) => {
          const key = await from.importKey("raw", pattern(16), "AES-CBC", true, ["encrypt", "wrapKey", "unwrapKey"]);
          const wrapped = await from.wrapKey(text(format), key, key, iv);
          const again = await from.unwrapKey(text(format), wrapped, key, iv, "AES-CBC", false, ["encrypt"]);
          return from.encrypt(iv, again, pattern(20));
        });
      }
      await compare(subtle, String(convert), async (from) => {
        const key = await from.importKey(text("raw"), pattern(16), "AES-CBC", false, ["encrypt"]);
        return from.encrypt({ ...iv, name: text("AES-CBC") }, key, pattern(20));
      });
      await compare(subtle, String(convert), (from) => from.digest({ name: text("SHA-1") }, pattern(3)));
    }
  });

  test("checks every member of a JsonWebKey", async () => {
    const jwk = { kty: "oct", k: Buffer.from(pattern(32)).toString("base64url") };
    const values = {
      kty: ["oct", "RSA", "OCT", "", undefined, 3],
      k: [jwk.k, `${jwk.k}=`, "AAA", "A", "!!!!", "", undefined, null, 5],
      alg: ["A256GCM", "A128GCM", "A256CBC", "HS256", "HS1", "", undefined, null],
      use: ["enc", "sig", "", undefined, null],
      ext: [true, false, undefined, null, 0, "false"],
      key_ops: [
        ["encrypt"],
        ["sign"],
        ["decrypt"],
        [],
        ["encrypt", "sign"],
        ["encrypt", "encrypt"],
        "encrypt",
        undefined,
      ],
    };
    for (const [member, list] of Object.entries(values)) {
      for (const value of list) {
        for (const name of ["AES-GCM", "HMAC"]) {
          for (const extractable of [true, false]) {
            const algorithm = name === "HMAC" ? { name, hash: "SHA-256" } : { name };
            const usages: Usage[] = [name === "HMAC" ? "sign" : "encrypt"];
            const args = ["jwk", { ...jwk, [member]: value }, algorithm, extractable, usages] as Any[];
            await compare(subtle, args, (from) => from.importKey(...(args as unknown as [Any, Any, Any, Any, Any])));
          }
        }
      }
    }
  });

  test("encrypts and decrypts what is changed or transferred during and after the call", async () => {
    // Node.js 20 does not have ArrayBuffer.prototype.transfer().
    const transfer = (bytes: Uint8Array) => structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] });
    const change = (bytes: Uint8Array<ArrayBuffer>) => {
      if (bytes.length > 0) bytes[0] = 255 - (bytes[0] as number);
    };
    for (const name of names) {
      for (const size of [0, 1, 16, 33, 5000, 100_000]) {
        for (const method of ["encrypt", "decrypt"] as const) {
          const key = await native.importKey("raw", pattern(16), name, false, ["encrypt"]);
          const sealed = new Uint8Array(await native.encrypt(ciphers[name], key, pattern(size)));
          for (const harm of [transfer, change]) {
            for (const when of ["during", "after"]) {
              // Node.js 20 has another error for it.
              if (name === "AES-GCM" && method === "decrypt" && harm === transfer && when === "during") continue;
              const what = [name, size, method, harm.name, when];
              await compare(subtle, what, async (from) => {
                const made = await from.importKey("raw", pattern(16), name, false, [method]);
                const data = method === "encrypt" ? pattern(size) : sealed.slice();
                const algorithm = {
                  ...ciphers[name],
                  get name() {
                    if (when === "during" && data.length > 0) harm(data);
                    return name;
                  },
                };
                // The runtime's own may read the name twice.
                const once = { ...ciphers[name], name: algorithm.name };
                const result = from[method](when === "during" ? once : algorithm, made, data);
                if (when === "after") harm(data);
                return result;
              });
            }
          }
        }
      }
    }
  });

  test("refuses keys that are not for the operation, and parameters that are not valid", async () => {
    const bad: Record<(typeof names)[number], unknown[]> = {
      "AES-CBC": [
        { iv: pattern(15) },
        { iv: pattern(17) },
        { iv: undefined },
        { iv: "text" },
        { iv: new ArrayBuffer(0) },
      ],
      "AES-CTR": [
        // Deno's own accepts only some lengths.
        ...[0, 129, -1, 256, isDeno ? 64 : 1.5, "64", Number.NaN, undefined].map((length) => ({ length })),
        { counter: pattern(15) },
        { counter: pattern(17) },
        { length: isDeno ? 32 : 1, counter: pattern(16) },
      ],
      "AES-GCM": [
        ...[0, 8, 24, 48, 72, 95, 129, 256, -1, "128", Number.NaN].map((tagLength) => ({ tagLength })),
        { additionalData: "text" },
        { additionalData: undefined },
        { iv: new Uint8Array(0) },
        { iv: undefined },
      ],
    };
    for (const name of names) {
      for (const parameters of [{}, ...bad[name]] as object[]) {
        for (const [keyName, usages] of [
          [name, ["encrypt", "decrypt"]],
          [name, ["wrapKey"]],
          ["AES-CBC", ["encrypt", "decrypt"]],
        ] as [string, Usage[]][]) {
          for (const method of ["encrypt", "decrypt"] as const) {
            for (const size of [0, 3, 15, 48]) {
              const algorithm = { ...ciphers[name], ...parameters };
              await compare(subtle, [algorithm, keyName, usages, method, size], async (from) => {
                const key = await from.importKey("raw", pattern(16), keyName, false, usages);
                return from[method](algorithm, key, pattern(size));
              });
            }
          }
        }
      }
    }
  });

  test("refuses every change of a tag, and every wrong padding", async () => {
    for (const [size, tagLength] of [
      [0, 128],
      [20, 128],
      // Deno's own decrypts only whole tags.
      [20, isDeno ? 128 : 96],
    ] as const) {
      const algorithm = { ...ciphers["AES-GCM"], tagLength };
      const make = (from: Subtle) => from.importKey("raw", pattern(16), "AES-GCM", false, ["encrypt", "decrypt"]);
      const key = await make(subtle);
      const sealed = new Uint8Array(await native.encrypt(algorithm, await make(native), pattern(size)));
      for (let bit = 0; bit < sealed.length * 8; bit += 1) {
        const changed = sealed.slice();
        changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(await call(() => subtle.decrypt(algorithm, key, changed))).toBe("rejected later with OperationError");
      }
      for (const tag of [0, 255]) {
        const changed = sealed.slice().fill(tag, size);
        expect(await call(() => subtle.decrypt(algorithm, key, changed))).toBe("rejected later with OperationError");
      }
      await compare(subtle, [size, tagLength], async (from) => from.decrypt(algorithm, await make(from), sealed));
    }
    const algorithm = ciphers["AES-CBC"];
    // The first block of what CBC encrypts does not depend on the padding.
    const encrypting = await native.importKey("raw", pattern(16), "AES-CBC", false, ["encrypt"]);
    for (let last = 0; last < 256; last += 1) {
      for (const before of [last, last + 1]) {
        const block = new Uint8Array(16).fill(before);
        block[15] = last;
        const ciphertext = (await native.encrypt(algorithm, encrypting, block)).slice(0, 16);
        await compare(subtle, [last, before], async (from) =>
          from.decrypt(algorithm, await from.importKey("raw", pattern(16), "AES-CBC", false, ["decrypt"]), ciphertext),
        );
      }
    }
  });

  test("signs and verifies with every hash and key size, and refuses what does not match", async () => {
    for (const hash of hashes) {
      for (const size of [1, 20, 64, 65, 128, 129, 600]) {
        const algorithm = { name: "HMAC", hash };
        const make = (from: Subtle, usages: Usage[] = ["sign", "verify"]) =>
          from.importKey("raw", pattern(size), algorithm, false, usages);
        const mac = new Uint8Array(await native.sign("HMAC", await make(native), pattern(300)));
        await compare(subtle, [hash, size], async (from) => from.sign("HMAC", await make(from), pattern(300)));
        await compare(subtle, [hash, size], async (from) =>
          from.sign("hmac", await make(from, ["verify"]), pattern(3)),
        );
        for (const signature of [mac, mac.slice(1), mac.slice(0, -1), new Uint8Array(0), pattern(mac.length)]) {
          await compare(subtle, [hash, size, signature.length], async (from) =>
            from.verify(algorithm, await make(from), signature, pattern(300)),
          );
        }
      }
    }
  });

  test("wraps and unwraps keys of every kind in every format", async () => {
    for (const wrapping of names) {
      for (const name of [...names, "HMAC"]) {
        for (const format of ["raw", "jwk"] as const) {
          for (const [isExtractable, usages] of [
            [true, ["wrapKey", "unwrapKey"]],
            [false, ["wrapKey", "unwrapKey"]],
            [true, ["encrypt", "decrypt"]],
          ] as [boolean, Usage[]][]) {
            const algorithm = name === "HMAC" ? { name, hash: "SHA-384" } : { name };
            const keyUsages: Usage[] = [name === "HMAC" ? "sign" : "encrypt"];
            await compare(subtle, [wrapping, name, format, isExtractable, usages], async (from) => {
              const wrapper = await from.importKey("raw", pattern(32), wrapping, false, usages);
              const key = await from.importKey("raw", pattern(24, 9), algorithm, isExtractable, keyUsages);
              const wrapped = await from.wrapKey(format, key, wrapper, ciphers[wrapping]);
              const args = [format, wrapped, wrapper, ciphers[wrapping], algorithm] as const;
              const again = await from.unwrapKey(...args, true, keyUsages);
              return from.exportKey("raw", again);
            });
          }
        }
      }
    }
  });

  test("refuses what is wrong in the order of the specification", async () => {
    const open = (from: Subtle, usages: Usage[]) => from.importKey("raw", pattern(16), "AES-CBC", true, usages);
    const cases: ((from: Subtle) => Promise<unknown>)[] = [
      // Before anything is decrypted.
      async (from) =>
        from.unwrapKey(
          "none" as Any,
          pattern(16),
          await open(from, ["unwrapKey"]),
          ciphers["AES-CBC"],
          "AES-CBC",
          true,
          [],
        ),
      // Before the key is exported.
      async (from) => {
        const closed = await from.importKey("raw", pattern(16), "AES-CBC", false, ["encrypt"]);
        return from.wrapKey("raw", closed, await open(from, ["wrapKey"]), { name: "AES-CBC" } as Any);
      },
      (from) => from.importKey("jwk", new Uint8Array(new SharedArrayBuffer(16)) as Any, "AES-CBC", true, ["encrypt"]),
    ];
    for (const run of cases) await compare(subtle, String(run), run);
  });

  test("refuses calls with too few arguments, and digests with other algorithms", async () => {
    const methods = Object.keys(subtle) as (keyof Subtle)[];
    for (const name of methods) {
      for (let count = 0; count < (native[name] as { readonly length: number }).length; count += 1) {
        const args = new Array(count).fill("raw") as [Any, Any, Any, Any, Any, Any, Any];
        await compare(subtle, [name, count], (from) => (from[name] as (...args: Any[]) => Promise<unknown>)(...args));
      }
    }
    for (const algorithm of ["AES-GCM", "RSA-OAEP", "PBKDF2", "AES-KW", {}, null, 5, { name: "sha-1" }, { name: 1 }]) {
      await compare(subtle, algorithm, (from) => from.digest(algorithm as Any, pattern(3)));
    }
  });
});

test("names match only in the case of ASCII letters, which Node.js does not check", async () => {
  const [strict] = subtles;
  expect(await call(() => (strict as (typeof subtles)[number])[1].digest("\u017fHA-1", pattern(3)))).toBe(
    "rejected at once with NotSupportedError",
  );
});

test.each(subtles)("subtle %s rejects what is not an algorithm at once", async (_name, subtle) => {
  for (const algorithm of [{}, { name: "HMAC" }, { name: "HMAC", hash: {} }] as Any[]) {
    await compare(subtle, algorithm, (from) => from.generateKey(algorithm, true, ["sign"]));
    await compare(subtle, algorithm, (from) => from.importKey("raw", pattern(16), algorithm, true, ["sign"]));
  }
  if (!isNode) return;
  expect(await call(() => subtle.generateKey({} as Any, true, ["sign"]))).toBe("rejected at once with TypeError");
});

test.each(subtles)(
  "subtle %s is a SubtleCrypto, whose methods have the names and lengths of the runtime's",
  (_name, subtle) => {
    const { SubtleCrypto } = globalThis as unknown as { readonly SubtleCrypto: { new (): Subtle; supports?: unknown } };
    expect(subtle).toBeInstanceOf(SubtleCrypto);
    expect(String(subtle)).toBe("[object SubtleCrypto]");
    const theirs = Object.keys(Object.getOwnPropertyDescriptors(SubtleCrypto.prototype)).filter(
      (name) => name !== "constructor",
    );
    expect(Object.keys(subtle).sort()).toEqual(theirs.sort());
    for (const name of theirs as (keyof Subtle)[]) {
      const [ours, other] = [subtle[name], native[name]] as unknown as (() => void)[];
      expect([name, ours?.name, ours?.length]).toEqual([name, other?.name, other?.length]);
      expect(() => Reflect.construct(ours as () => void, [])).toThrow(TypeError);
    }
    expect("supports" in subtle).toBe("supports" in SubtleCrypto);
  },
);

test("supports() of subtle reports what the device has, if the runtime has that method", () => {
  const { SubtleCrypto } = globalThis as unknown as { readonly SubtleCrypto: { supports?: Supports } };
  const poor = Device.open(new SoftwareHost({ lacks: ["aes-ctr", "sha512"] }));
  for (const fallback of [false, true]) {
    const { supports } = subtleOf(poor, { fallback }) as unknown as { readonly supports?: Supports };
    if (SubtleCrypto.supports === undefined || supports === undefined) {
      expect(supports).toBe(SubtleCrypto.supports);
      continue;
    }
    expect(supports("digest", "SHA-256")).toBe(true);
    expect(supports("digest", "SHA-512")).toBe(fallback);
    expect(supports("generateKey", { name: "AES-CBC", length: 192 })).toBe(
      SubtleCrypto.supports("generateKey", { name: "AES-CBC", length: 192 }),
    );
    expect(supports("generateKey", { name: "AES-CTR", length: 256 })).toBe(fallback);
    for (const algorithm of [
      { name: "AES-CBC", length: 100 },
      { name: "HMAC", hash: "SHA-256", length: 9 },
    ]) {
      const isTheirs = SubtleCrypto.supports("generateKey", algorithm);
      expect(supports("generateKey", algorithm)).toBe(fallback && isTheirs);
    }
    expect(supports("dance", "SHA-256")).toBe(false);
    expect(() => supports("digest")).toThrow(TypeError);
  }
  poor.close();
});

type Supports = (operation: string, algorithm?: unknown) => boolean;
