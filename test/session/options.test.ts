import { CryptodevError, Device, type DeviceOptions } from "@cryptodev/core";
import { cipherStream, open } from "cryptodev";
import { afterEach, describe, expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";
import { resizable } from "../memory.ts";
import { VigilantHost } from "../vigilant_host.ts";
import { kinds } from "./operations.ts";

/*
 * Options and numbers as programs really pass them: of another type, with code of their own, omitted in an unusual way,
 * or added to every object by a deep merge of JSON from somewhere else.
 */

const key = pattern(16);
const mackey = pattern(20);
const iv = pattern(16);

type Any = (value: unknown) => unknown;

function start(options?: unknown): { readonly host: VigilantHost; readonly device: Device } {
  const host = new VigilantHost();
  return { host, device: Device.open(host, undefined, options as DeviceOptions) };
}

/** What accepts each option and each number; every call passes the value in question, and valid ones for the rest. */
const numbers: Readonly<Record<string, (device: Device) => Any>> = {
  chunkSize: () => (chunkSize) => start({ chunkSize }).device.cipher("aes-ctr", key).encrypt(pattern(64), iv),
  "tagSize of aead()": (device) => (tagSize) =>
    device.aead("aes-gcm", key, { tagSize: tagSize as number }).seal(pattern(16), pattern(12)),
  "tagSize of srtp()": (device) => (tagSize) =>
    device.srtp("aes-ctr", key, "hmac-sha1", mackey, { tagSize: tagSize as number }).seal(pattern(60), 12, iv),
  "headerSize of seal()": (device) => {
    const srtp = device.srtp("aes-ctr", key, "hmac-sha1", mackey);
    return (size) => srtp.seal(pattern(60), size as number, iv);
  },
  "headerSize of openInPlace()": (device) => {
    const srtp = device.srtp("aes-ctr", key, "hmac-sha1", mackey);
    return (size) => srtp.openInPlace(pattern(60), size as number, iv);
  },
  "size of sealInPlace()": (device) => {
    const tls = device.tls("aes-cbc", key, "hmac-sha1", mackey);
    return (size) => tls.sealInPlace(pattern(200), size as number, pattern(13), iv);
  },
  "size of allocate()": (device) => (size) => device.allocate(size as number),
  "alignmask of allocate()": (device) => (alignmask) => device.allocate(16, alignmask as number),
};
const words: Readonly<Record<string, (device: Device) => Any>> = {
  padding: (device) => {
    const aes = device.cipher("aes-cbc", key);
    return (padding) => aes.encryptor(iv, { padding: padding as "none" });
  },
  "hardware of open()": () => (hardware) => start({ hardware }),
  "hardware of capabilities()": (device) => (hardware) => device.capabilities({ hardware: hardware as "allow" }),
  "name of cipher()": (device) => (name) => device.cipher(name as "aes-cbc", key),
  "name of aead()": (device) => (name) => device.aead(name as "aes-gcm", key),
  "name of hash()": (device) => (name) => device.hash(name as "sha1"),
  "name of hmac()": (device) => (name) => device.hmac(name as "sha1", key),
  "cipher of combined()": (device) => (name) => device.combined(name as "aes-cbc", key, "sha1"),
  "mac of combined()": (device) => (name) => device.combined("aes-cbc", key, name as "sha1"),
  "cipher of tls()": (device) => (name) => device.tls(name as "aes-cbc", key, "hmac-sha1", mackey),
  "mac of tls()": (device) => (name) => device.tls("aes-cbc", key, name as "hmac-sha1", mackey),
  "cipher of srtp()": (device) => (name) => device.srtp(name as "aes-ctr", key, "hmac-sha1", mackey),
  "path of open()": () => (path) => Device.open(new VigilantHost(), path as string),
};
const switches: Readonly<Record<string, (device: Device) => Any>> = {
  eager: (device) => {
    const ctr = device.cipher("aes-ctr", key);
    return (eager) => ctr.encryptor(iv, { eager: eager as boolean }).update(pattern(20));
  },
  statistics: () => (statistics) => start({ statistics }).device.cipher("aes-ctr", key).encrypt(pattern(16), iv),
};

let ran = 0;
afterEach(() => {
  ran = 0;
});
const run = (good: unknown) => () => {
  ran += 1;
  return good;
};
/** Values that convert to a good number or a good text. */
type Value = readonly [string, unknown];
const disguised = (good: unknown): readonly Value[] => [
  ["an object with valueOf()", { valueOf: run(good), toString: run(`${good}`) }],
  ["an object with toString()", { toString: run(`${good}`) }],
  ["an object with Symbol.toPrimitive", { [Symbol.toPrimitive]: run(good) }],
  ["a function with valueOf()", Object.assign(() => {}, { valueOf: run(good), toString: run(`${good}`) })],
  ["an array of it", [good]],
  ["an object of it", Object(good)],
];

/** Runs a call that has to be refused with an error of this library. */
function refused(call: () => unknown): void {
  let error: unknown;
  try {
    call();
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toSatisfy((thrown) => thrown instanceof TypeError || thrown instanceof RangeError);
  expect((error as Error).message).toMatch(/expected/);
}

/** Passes a value that has to be refused before any of its code runs, and before a call reaches the device. */
function refusedUnsent(of: (device: Device) => Any, value: unknown): void {
  const { host, device } = start();
  const call = of(device);
  const seen = host.vigil.seen;
  refused(() => call(value));
  expect(ran).toBe(0);
  expect(host.vigil.seen).toBe(seen);
}

describe("a value that is not a number is refused, and no code of it runs:", () => {
  const good: Readonly<Record<string, number>> = { "alignmask of allocate()": 63 };
  describe.each(Object.entries(numbers))("%s", (name, of) => {
    test.each<Value>([
      ...disguised(good[name] ?? 16),
      ["a string", `${good[name] ?? 16}`],
      ["a bigint", 16n],
      ["NaN", Number.NaN],
      ["null", null],
      ["true", true],
    ])("%s", (_kind, value) => refusedUnsent(of, value));
  });
});

describe("a value that is not one of the words is refused, and no code of it runs:", () => {
  const good: Readonly<Record<string, string>> = {
    padding: "pkcs7",
    "hardware of open()": "allow",
    "hardware of capabilities()": "allow",
    "name of aead()": "aes-gcm",
    "name of hash()": "sha1",
    "name of hmac()": "sha1",
    "mac of combined()": "sha1",
    "mac of tls()": "hmac-sha1",
    "cipher of srtp()": "aes-ctr",
    "path of open()": "/dev/crypto",
  };
  describe.each(Object.entries(words))("%s", (name, of) => {
    test.each<Value>([
      ...disguised(good[name] ?? "aes-cbc"),
      ["a number", 5],
      ["null", null],
      ["true", true],
      ["a symbol", Symbol("aes-cbc")],
    ])("%s", (_kind, value) => refusedUnsent(of, value));
  });
});

describe("a switch that is not a boolean is refused or read as it is, and no code of it runs:", () => {
  describe.each(Object.entries(switches))("%s", (_name, of) => {
    test.each<Value>([...disguised(1), ["a number", 1], ["a string", "false"], ["null", null]])(
      "%s",
      (_kind, value) => {
        const { host, device } = start();
        const call = of(device);
        try {
          call(value);
        } catch (error) {
          refused(() => {
            throw error;
          });
        }
        expect(ran).toBe(0);
        expect(host.vigil.faults).toEqual([]);
      },
    );
  });
});

test("a chunkSize with a getter cannot shrink the destination between the checks and the call", () => {
  const buffer = resizable(64, 65536);
  let shrink = () => {};
  const chunkSize = {
    valueOf() {
      shrink();
      return 4096;
    },
  };
  const host = new VigilantHost();
  refused(() => {
    const aes = Device.open(host, undefined, { chunkSize: chunkSize as unknown as number }).cipher("aes-ctr", key);
    shrink = () => buffer.resize(1);
    aes.encryptInto(new Uint8Array(64), new Uint8Array(buffer), iv);
  });
  expect(host.vigil.faults).toEqual([]);
});

describe("options that are not an object are refused, or count as omitted:", () => {
  const takers: Readonly<Record<string, (device: Device, options: unknown) => unknown>> = {
    "Device.open()": (_device, options) => start(options),
    "open()": (_device, options) => open(options as { backend: "software" }).close(),
    "device.aead()": (device, options) => device.aead("aes-gcm", key, options as object),
    "device.srtp()": (device, options) => device.srtp("aes-ctr", key, "hmac-sha1", mackey, options as object),
    "device.capabilities()": (device, options) => device.capabilities(options as object),
    "cipher.encryptor()": (device, options) => device.cipher("aes-cbc", key).encryptor(iv, options as object),
    "cipher.decryptor()": (device, options) => device.cipher("aes-cbc", key).decryptor(iv, options as object),
  };
  describe.each(Object.entries(takers))("%s", (name, take) => {
    test.each([
      ["null", null],
      ["undefined", undefined],
      ["a number", 16],
      ["a string", "tagSize"],
      ["true", true],
      ["a symbol", Symbol("a")],
      ["an array", []],
    ])("%s", (_kind, options) => {
      const { device } = start();
      try {
        take(device, options);
      } catch (error) {
        // Without a kernel's device, open() reports that instead.
        if (name === "open()" && error instanceof CryptodevError) return;
        refused(() => {
          throw error;
        });
      }
    });
  });
});

test("options are read once, so a getter cannot return a second value after the check", () => {
  const answers = (...values: readonly unknown[]) => {
    let asked = 0;
    return () => values[Math.min(asked++, values.length - 1)];
  };
  const twice = (name: string, ...values: readonly unknown[]) =>
    Object.defineProperty({}, name, { get: answers(...values) });
  const { host, device } = start();
  const gcm = device.aead("aes-gcm", key, twice("tagSize", 16, 5));
  expect(gcm.seal(pattern(16), pattern(12))).toHaveLength(32);
  const srtp = device.srtp("aes-ctr", key, "hmac-sha1", mackey, twice("tagSize", 10, 200));
  expect(srtp.seal(pattern(60), 12, iv)).toHaveLength(70);
  const chunks = device.cipher("aes-cbc", key).encryptor(iv, twice("padding", "none", "pkcs7"));
  expect(chunks.update(pattern(16))).toHaveLength(16);
  expect(chunks.final()).toHaveLength(0);
  expect(() =>
    start(twice("chunkSize", 16, 7))
      .device.cipher("aes-cbc", key)
      .encrypt(pattern(64), iv),
  ).not.toThrow();
  expect(host.vigil.faults).toEqual([]);
});

test.each([
  [
    "aead()",
    (device: Device, secret: Uint8Array, options: object) => device.aead("aes-gcm", secret, options),
    "tagSize",
    16,
  ],
  [
    "srtp()",
    (device: Device, secret: Uint8Array, options: object) =>
      device.srtp("aes-ctr", secret, "hmac-sha1", secret, options),
    "tagSize",
    10,
  ],
] as const)(
  "a getter in the options of %s can detach the key, and no length that the device sees exceeds its memory",
  (_name, begin, option, value) => {
    const { host, device } = start();
    const buffer = resizable(16, 32);
    const options = Object.defineProperty({}, option, {
      get() {
        buffer.resize(0);
        return value;
      },
    });
    expect(() => begin(device, new Uint8Array(buffer), options)).toThrow();
    expect(host.vigil.faults).toEqual([]);
  },
);

describe("a value that is not a Uint8Array is refused with an error of this library:", () => {
  const things: readonly (readonly [string, unknown])[] = [
    ["undefined", undefined],
    ["null", null],
    ["a number", 16],
    ["a string", "sixteen bytes ok"],
    ["an array", Array.from({ length: 64 }, () => 0)],
    ["a buffer", new ArrayBuffer(64)],
    ["words", new Uint32Array(16)],
    ["a DataView", new DataView(new ArrayBuffer(64))],
    ["a proxy of a Uint8Array", new Proxy(new Uint8Array(64), {})],
    ["an object like one", { length: 64, byteLength: 64, byteOffset: 0, buffer: new ArrayBuffer(64) }],
    ["an object that inherits from one", Object.create(new Uint8Array(64))],
  ];
  /** Arguments that may be omitted. */
  const optional = new Set([
    "digest 0",
    "digestInto 0",
    "update, copy and digest 1",
    "seal 2",
    "sealInto 3",
    "open 2",
    "openInto 3",
  ]);
  const shape = { size: 64, aad: 13, spare: 0, forged: false, cut: 0 };
  const cases = Object.entries(kinds).flatMap(([kind, { operations }]) =>
    Object.keys(operations).map((name) => [kind, name] as const),
  );
  test.each(cases)("%s %s", (kind, name) => {
    const operation = kinds[kind]?.operations[name];
    if (operation === undefined) throw new Error("no such operation");
    const { host, device } = start();
    const inputs = operation.inputs(shape);
    for (const index of inputs.keys()) {
      for (const [what, thing] of things) {
        // A chained iv, an omitted aad and an omitted last piece of a message are valid.
        if (
          thing === undefined &&
          (name.startsWith("encrypt") || name.startsWith("decrypt") || optional.has(`${name} ${index}`)) &&
          index > 0
        )
          continue;
        if (thing === undefined && optional.has(`${name} ${index}`)) continue;
        const session = kinds[kind]?.start(device) as { close(): void };
        const views: unknown[] = [...inputs];
        views[index] = thing;
        let error: unknown;
        try {
          operation.call(session, views as Uint8Array[], shape);
        } catch (thrown) {
          error = thrown;
        }
        const where = `argument ${index}: ${what}`;
        // The tests themselves split the data for an encryptor.
        const isSplit = /incompatible receiver|^Receiver should be/.test((error as Error)?.message);
        if (name.endsWith("cryptor") && index === 0 && isSplit) continue;
        expect(error, where).toBeInstanceOf(TypeError);
        expect((error as Error).message, where).toMatch(
          /expected a Uint8Array|expected (at least )?\d+ bytes, got none/,
        );
        session.close();
      }
    }
    expect(host.vigil.faults).toEqual([]);
  });
});

describe("a member of Object.prototype", () => {
  const names = [
    ...[
      "cipher",
      "mac",
      "key",
      "mackey",
      "keylen",
      "mackeylen",
      "ses",
      "tagSize",
      "padding",
      "eager",
      "hardware",
      "statistics",
    ],
    ...[
      "chunkSize",
      "auth",
      "authLen",
      "auth_len",
      "auth_src",
      "iv",
      "iv_len",
      "tag",
      "tag_len",
      "min",
      "max",
      "src",
      "dst",
    ],
    ...[
      "len",
      "size",
      "op",
      "flags",
      "name",
      "kind",
      "kernelName",
      "keySizes",
      "tagSizes",
      "ivSize",
      "blockSize",
      "digestSize",
    ],
    ...[
      "algorithm",
      "id",
      "hash",
      "keyed",
      "offset",
      "width",
      "decrypt",
      "granularity",
      "isWhole",
      "path",
      "backend",
      "trace",
    ],
    ...["driver", "alignmask", "lacks", "async", "verbosity", "machine", "log", "errno", "hint", "wait", "host"],
  ];
  const values: readonly unknown[] = [16, 5, "require", { min: 0, max: 1000 }];
  const polluted = <T>(name: string, value: unknown, act: () => T): T => {
    const everywhere = Object.prototype as Record<string, unknown>;
    everywhere[name] = value;
    try {
      return act();
    } finally {
      delete everywhere[name];
    }
  };
  const shape = { size: 32, aad: 13, spare: 0, forged: false, cut: 3 };
  // The expected result of each operation is computed once.
  const computed = [
    "aes-cbc",
    "aes-ctr",
    "sha256",
    "hmac-sha512",
    "combined cbc",
    "gcm with short tags",
    "ccm",
    "tls",
    "srtp",
  ].map((kind) => {
    const { start: begin, operations } = kinds[kind] as (typeof kinds)[string];
    const all = Object.entries(operations).map(([method, operation]) => {
      const given = operation.inputs(shape);
      return { method, operation, given, outcome: operation.outcome(given, shape) };
    });
    return { kind, begin, all };
  });

  test.each(names)("does not change the result of any operation: %s", (name) => {
    for (const value of values) {
      const host = new VigilantHost();
      const device = polluted(name, value, () => Device.open(host));
      for (const { kind, begin, all } of computed) {
        const session = polluted(name, value, () => begin(device)) as { readonly statistics: unknown; close(): void };
        expect(session.statistics).toBeUndefined();
        for (const { method, operation, given, outcome } of all) {
          const inputs = given.map((bytes) => bytes.slice());
          const { value: expected, written = {} } = outcome;
          const result = polluted(name, value, () => operation.call(session, inputs, shape));
          const what = `${kind} ${method} with ${name}: ${JSON.stringify(value)}`;
          if (typeof expected === "number") expect(result, what).toBe(expected);
          else if (expected !== undefined) expect(toHex(result as Uint8Array), what).toBe(toHex(expected));
          for (const [index, bytes] of Object.entries(written)) {
            expect(toHex(inputs[Number(index)]?.subarray(0, bytes.length) as Uint8Array), what).toBe(toHex(bytes));
          }
        }
        session.close();
      }
      device.close();
      expect(host.vigil.faults).toEqual([]);
    }
  });

  test("does not change what open() opens, what capabilities() lists, or what a stream returns", async () => {
    for (const [name, value] of [
      ["path", "/dev/null"],
      ["trace", () => expect.unreachable()],
      ["backend", "kernel"],
      ["hardware", "require"],
      ["chunkSize", 7],
      ["statistics", true],
      ["lacks", ["aes-cbc"]],
      ["padding", "pkcs7"],
    ] as const) {
      const device = polluted(name, value, () => open({ backend: "software" }));
      expect(device.path).toBe("/dev/crypto");
      const session = polluted(name, value, () => device.cipher("aes-cbc", key));
      expect(session.statistics).toBeUndefined();
      const listed = polluted(name, value, () => device.capabilities());
      expect(listed.filter(({ available }) => available).length).toBeGreaterThan(20);
      const stream = polluted(
        name,
        value,
        () => cipherStream(session.encryptor(iv)) as unknown as { readable: ReadableStream; writable: WritableStream },
      );
      const writer = stream.writable.getWriter();
      void writer.write(pattern(32));
      void writer.close();
      const chunks: Uint8Array[] = [];
      for await (const chunk of stream.readable as unknown as AsyncIterable<Uint8Array>) chunks.push(chunk);
      expect(toHex(Buffer.concat(chunks))).toBe(toHex(session.encrypt(pattern(32), iv)));
      device.close();
    }
  });
});
