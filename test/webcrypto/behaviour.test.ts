import { Device } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import { subtleOf } from "cryptodev/webcrypto";
import { afterAll, describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";
import { runForJson, runProgram } from "../child.ts";
import { native, outcomeOf, type Subtle } from "./outcome.ts";

const device = Device.open(new SoftwareHost());
afterAll(() => device.close());
const subtle = subtleOf(device) as Subtle;
const withFallback = subtleOf(device, { fallback: true }) as Subtle;

/** A part of ECMAScript 2024, which the types of this workspace do not have. */
type ResizableBuffer = ArrayBuffer & { resize(size: number): void };
type ResizableConstructor = new (size: number, options: { readonly maxByteLength: number }) => ResizableBuffer;
type BufferSource = Parameters<Subtle["digest"]>[1];

const gcm = { name: "AES-GCM", iv: pattern(12) };
const keyOf = (from: Subtle, isExtractable = false) =>
  from.importKey("raw", pattern(16), "AES-GCM", isExtractable, ["encrypt", "decrypt"]);

/** What the device does not do, and the runtime's own subtle does. */
const beyond: Readonly<Record<string, (from: Subtle) => Promise<unknown>>> = {
  "an iv of another size": async (from) =>
    from.encrypt({ name: "AES-GCM", iv: pattern(16) }, await keyOf(from), pattern(5)),
  "more than 4096 bytes of additionalData": async (from) =>
    from.encrypt({ ...gcm, additionalData: pattern(4097) }, await keyOf(from), pattern(5)),
  PBKDF2: async (from) => {
    const base = await from.importKey("raw", pattern(8), "PBKDF2", false, ["deriveBits"]);
    return from.deriveBits({ name: "PBKDF2", salt: pattern(8), iterations: 2, hash: "SHA-256" }, base, 128);
  },
  "AES-KW": async (from) => {
    const wrapping = await from.importKey("raw", pattern(16), "AES-KW", false, ["wrapKey"]);
    return from.wrapKey("raw", await keyOf(from, true), wrapping, "AES-KW");
  },
  "a derived key": async (from) => {
    const base = await from.importKey("raw", pattern(8), "HKDF", false, ["deriveKey"]);
    const hkdf = { name: "HKDF", salt: pattern(8), info: pattern(3), hash: "SHA-256" };
    const key = await from.deriveKey(hkdf, base, { name: "AES-GCM", length: 256 }, false, ["encrypt"]);
    return from.encrypt(gcm, key, pattern(50));
  },
};

describe("what the device cannot do", () => {
  test.each(Object.entries(beyond))(
    "is refused, and left to the runtime if that is allowed: %s",
    async (_what, run) => {
      const refusal = run(subtle);
      await expect(refusal).rejects.toThrow(/CRYPTODEV_FALLBACK=1/);
      await expect(refusal).rejects.toMatchObject({ name: "NotSupportedError" });
      expect(await outcomeOf(() => run(withFallback))).toBe(await outcomeOf(() => run(native)));
      expect(await outcomeOf(() => run(native))).toMatch(/^[0-9a-f]+$/);
    },
  );

  test("is refused without repeating the name, unless it is one of the specification", async () => {
    const secret = "correct horse battery staple";
    const messages = await Promise.all(
      [
        subtle.digest(secret, pattern(3)),
        subtle.generateKey({ name: secret, length: 128 }, true, ["encrypt"]),
        subtle.importKey("raw", pattern(16), { name: "HMAC", hash: secret }, true, ["sign"]),
        subtle.encrypt({ name: secret } as never, await keyOf(subtle), pattern(3)),
      ].map((refusal) => refusal.then(String, ({ message }: Error) => message)),
    );
    for (const message of messages) {
      expect(message).toContain("CRYPTODEV_FALLBACK=1");
      expect(message).not.toContain("horse");
    }
    const known = subtle.generateKey({ name: "aes-kw", length: 128 }, true, ["wrapKey"]);
    await expect(known).rejects.toThrow("the device does not support AES-KW");
  });

  test("is an algorithm that it does not have", async () => {
    const poor = Device.open(new SoftwareHost({ lacks: ["aes-gcm", "sha1"] }));
    const runs = [
      (from: Subtle) => from.digest("SHA-1", pattern(3)),
      async (from: Subtle) => from.encrypt(gcm, await keyOf(from), pattern(3)),
    ];
    for (const run of runs) {
      await expect(run(subtleOf(poor) as Subtle)).rejects.toMatchObject({
        name: "NotSupportedError",
        cause: { code: "EINVAL" },
      });
      const left = subtleOf(poor, { fallback: true }) as Subtle;
      expect(await outcomeOf(() => run(left))).toBe(await outcomeOf(() => run(native)));
    }
    poor.close();
  });

  test("a key that the runtime derives is then used by the device", async () => {
    const own = Device.open(new SoftwareHost());
    const from = subtleOf(own, { fallback: true }) as Subtle;
    const base = await from.importKey("raw", pattern(8), "HKDF", false, ["deriveKey"]);
    const hkdf = { name: "HKDF", salt: pattern(8), info: pattern(3), hash: "SHA-256" };
    const key = await from.deriveKey(hkdf, base, { name: "AES-GCM", length: 256 }, false, ["encrypt"]);
    expect([key.extractable, key.usages]).toEqual([false, ["encrypt"]]);
    const expected = await outcomeOf(() => native.encrypt(gcm, key, pattern(3)));
    expect(await outcomeOf(() => from.encrypt(gcm, key, pattern(3)))).toBe(expected);
    own.close();
    await expect(from.encrypt(gcm, key, pattern(3))).rejects.toThrow(/closed/);
  });
});

describe("arguments", () => {
  test("are copied when a method is called", async () => {
    const run = async (from: Subtle) => {
      const key = await keyOf(from, true);
      const [data, iv, additionalData] = [pattern(100), pattern(12), pattern(5)];
      const sealing = from.encrypt({ name: "AES-GCM", iv, additionalData }, key, data);
      for (const bytes of [data, iv, additionalData]) bytes.fill(0);
      return sealing;
    };
    expect(await outcomeOf(() => run(subtle))).toBe(await outcomeOf(() => run(native)));
  });

  test("are read once, and the data after the algorithm", async () => {
    const run = (from: Subtle) => {
      const data = pattern(10);
      const algorithm = {
        get name() {
          data[0] = (data[0] as number) + 1;
          return "SHA-256";
        },
      };
      return from.digest(algorithm, data);
    };
    const expected = pattern(10);
    expected[0] = (expected[0] as number) + 1;
    const digest = await outcomeOf(() => native.digest("SHA-256", expected));
    expect(await outcomeOf(() => run(subtle))).toBe(digest);
    expect(await outcomeOf(() => run(withFallback))).toBe(digest);
  });

  test("left to the runtime can be objects whose getters need the object itself, and have their name read once", async () => {
    class Curve {
      readonly #curve = "P-384";
      names = 0;
      get name() {
        this.names += 1;
        return "ECDSA";
      }
      get namedCurve() {
        return this.#curve;
      }
    }
    const curve = new Curve();
    const { publicKey } = await withFallback.generateKey(curve, true, ["sign", "verify"]);
    expect(publicKey.algorithm).toEqual({ name: "ECDSA", namedCurve: "P-384" });
    expect(curve.names).toBe(1);
  });

  test("can be every kind of BufferSource, whatever its own properties claim", async () => {
    const bytes = pattern(32);
    class Liar extends Uint8Array {
      override get byteLength() {
        return 1;
      }
    }
    const sources = [
      bytes.buffer,
      new DataView(bytes.buffer, 4, 8),
      new Float64Array(bytes.buffer, 8, 2),
      Buffer.from(bytes.buffer, 3, 5),
      new Liar(bytes.buffer),
      new ArrayBuffer(0),
    ];
    for (const source of sources) {
      const whole = ArrayBuffer.isView(source)
        ? bytes.subarray(source.byteOffset, source.byteOffset + (source instanceof Liar ? 32 : source.byteLength))
        : new Uint8Array(source);
      expect(await outcomeOf(() => subtle.digest("SHA-256", source))).toBe(
        await outcomeOf(() => native.digest("SHA-256", whole)),
      );
    }
  });

  test("whose buffer was detached are empty", async () => {
    const gone = pattern(8);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    const empty = await outcomeOf(() => native.digest("SHA-256", new Uint8Array(0)));
    expect(await outcomeOf(() => subtle.digest("SHA-256", gone))).toBe(empty);
    expect(await outcomeOf(() => subtle.digest("SHA-256", gone.buffer))).toBe(empty);
  });

  test("can be resizable, and are copied as they are when the method is called", async () => {
    const resizable = (size: number) => {
      const buffer: ResizableBuffer = new (ArrayBuffer as unknown as ResizableConstructor)(size, { maxByteLength: 64 });
      new Uint8Array(buffer).set(pattern(size));
      return buffer;
    };
    const [grown, tracked, shrunk] = [resizable(8), resizable(8), resizable(32)];
    const views = [new Uint8Array(tracked), new Uint8Array(tracked, 4), new Uint8Array(shrunk, 0, 32)] as const;
    for (const buffer of [grown, tracked, shrunk]) buffer.resize(16);
    const sources: [BufferSource, Uint8Array<ArrayBuffer>][] = [
      [grown, new Uint8Array(grown.slice())],
      [views[0], views[0].slice()],
      [views[1], views[1].slice()],
      // It is out of bounds now.
      [views[2], new Uint8Array(0)],
      [new DataView(tracked, 3), new Uint8Array(tracked.slice(3))],
    ];
    for (const [source, bytes] of sources) {
      const digesting = subtle.digest("SHA-256", source);
      tracked.resize(16);
      expect(await outcomeOf(() => digesting)).toBe(await outcomeOf(() => native.digest("SHA-256", bytes)));
    }
  });

  test("cannot be shared memory", async () => {
    const shared = new SharedArrayBuffer(12);
    const key = await keyOf(subtle);
    for (const data of [shared, new Uint8Array(shared), new DataView(shared)] as unknown as ArrayBuffer[]) {
      await expect(subtle.digest("SHA-256", data)).rejects.toBeInstanceOf(TypeError);
      await expect(subtle.encrypt(gcm, key, data)).rejects.toBeInstanceOf(TypeError);
      await expect(subtle.encrypt({ ...gcm, iv: data }, key, pattern(3))).rejects.toBeInstanceOf(TypeError);
      await expect(subtle.encrypt({ ...gcm, additionalData: data }, key, pattern(3))).rejects.toBeInstanceOf(TypeError);
    }
  });

  test("never make a method throw: it returns a promise that is rejected", async () => {
    const methods = Object.entries(subtle as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>);
    expect(methods.map(([name]) => name)).toEqual(expect.arrayContaining(["encrypt", "unwrapKey"]));
    const bad = [
      [],
      [Symbol("name")],
      [
        {
          name: "AES-GCM",
          get iv(): never {
            throw new RangeError("getter");
          },
        },
        {},
        pattern(3),
      ],
    ];
    for (const [, method] of methods) {
      for (const args of bad) {
        const promise = method(...args);
        expect(promise).toBeInstanceOf(Promise);
        await expect(promise).rejects.toBeDefined();
      }
    }
  });
});

test("data of 1 MiB is encrypted as the runtime does", async () => {
  const data = pattern(1 << 20);
  const run = async (from: Subtle) => from.encrypt(gcm, await keyOf(from), data);
  expect(await outcomeOf(() => run(subtle))).toBe(await outcomeOf(() => run(native)));
});

test("a counter of every length wraps as the specification says", async () => {
  const key = await subtle.importKey("raw", pattern(16), "AES-CTR", true, ["encrypt"]);
  const ecb = async (counter: Uint8Array<ArrayBuffer>) =>
    new Uint8Array(await subtle.encrypt({ name: "AES-CTR", counter, length: 128 }, key, new Uint8Array(16)));
  for (let length = 1; length <= 128; length += 1) {
    // All of its bits are one, so that the second block has zeros there, and the same bits before.
    const counter = pattern(16);
    const next = pattern(16);
    for (let bit = 0; bit < length; bit += 1) {
      const index = 15 - (bit >> 3);
      counter[index] = (counter[index] as number) | (1 << (bit & 7));
      next[index] = (next[index] as number) & ~(1 << (bit & 7));
    }
    const two = new Uint8Array(await subtle.encrypt({ name: "AES-CTR", counter, length }, key, new Uint8Array(32)));
    expect([...two], `${length} bits`).toEqual([...(await ecb(counter)), ...(await ecb(next))]);
  }
});

describe("subtle and crypto of cryptodev/webcrypto", () => {
  const program = `
    import { crypto, subtle } from "cryptodev/webcrypto";
    const digest = await subtle.digest("SHA-1", new TextEncoder().encode("abc"));
    const own = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]).then(
      () => "left to the runtime", (error) => error.name);
    console.log(JSON.stringify([
      Buffer.from(digest).toString("hex"), crypto.subtle === subtle, crypto.randomUUID().length,
      crypto.getRandomValues(new Uint8Array(4)).length, (await subtle.digest("SHA-256", new Uint8Array(2 ** 21))).byteLength, own,
    ]));`.replace("import {", 'import { Buffer } from "node:buffer";\nimport {');
  const expected = ["a9993e364706816aba3e25717850c26c9cd0d89d", true, 36, 4, 32];

  test("open a device on first use, and threads for large data, which do not keep the program alive", () => {
    expect(runForJson(program, { env: { CRYPTODEV_BACKEND: "software" } })).toEqual([...expected, "NotSupportedError"]);
  });

  test("process all data at once in a worker thread, whose end would leave those of its own threads open", () => {
    const program = `
      import { Worker, isMainThread, parentPort } from "node:worker_threads";
      import { subtle } from "cryptodev/webcrypto";
      const isAtOnce = async () => {
        let isSettled = false;
        const digesting = subtle.digest("SHA-1", new Uint8Array(2 ** 21)).then(() => (isSettled = true));
        for (let turn = 0; turn < 100 && !isSettled; turn += 1) await null;
        const result = isSettled;
        await digesting;
        return result;
      };
      if (isMainThread) {
        const inWorker = await new Promise((resolve) => new Worker(new URL(import.meta.url)).once("message", resolve));
        console.log(JSON.stringify([await isAtOnce(), inWorker]));
      } else {
        parentPort.postMessage(await isAtOnce());
      }`;
    expect(runForJson(program, { env: { CRYPTODEV_BACKEND: "software" } })).toEqual([false, true]);
  });

  test("are like the runtime's own: crypto is an instance of Crypto", () => {
    const code = `
      import { crypto } from "cryptodev/webcrypto";
      const { getRandomValues } = crypto;
      console.log(JSON.stringify([crypto instanceof Crypto, String(crypto), getRandomValues(new Uint8Array(4)).length]));
    `;
    expect(runForJson(code, { env: { CRYPTODEV_BACKEND: "software" } })).toEqual([true, "[object Crypto]", 4]);
  });

  test("use the same device as cryptodev/crypto in the same thread", () => {
    const both = `
      import { createHash } from "cryptodev/crypto";
      import { subtle } from "cryptodev/webcrypto";
      const digest = new Uint8Array(await subtle.digest("SHA-1", new Uint8Array(3)));
      console.log(JSON.stringify(createHash("sha1").update(new Uint8Array(3)).digest().equals(digest)));`;
    const { stdout, stderr } = runProgram(both, { env: { CRYPTODEV_BACKEND: "software", CRYPTODEV_TRACE: "1" } });
    expect(JSON.parse(stdout)).toBe(true);
    expect(stderr.match(/^open\b.*$/gm)).toHaveLength(1);
  });

  test("leave the rest to the runtime if CRYPTODEV_FALLBACK is set", () => {
    const env = { CRYPTODEV_BACKEND: "software", CRYPTODEV_FALLBACK: "1" };
    expect(runForJson(program, { env })).toEqual([...expected, "left to the runtime"]);
  });
});
