import {
  AuthenticationError,
  CryptodevError,
  Device,
  type DeviceOptions,
  HardwareRequiredError,
} from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
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
const macKey = pattern(20);
const iv = pattern(16);
const [nonce, header] = [pattern(12), pattern(13)];
const tlsStart = { cipher: "aes-cbc", key, mac: "hmac-sha1", macKey } as const;
const srtpStart = { cipher: "aes-ctr", key, mac: "hmac-sha1", macKey } as const;
const withMacStart = { cipher: "aes-cbc", key, mac: "hmac-sha1", macKey } as const;

type Any = (value: unknown) => unknown;

function start(options?: unknown): { readonly host: VigilantHost; readonly device: Device } {
  const host = new VigilantHost();
  return { host, device: Device.open(host, options as DeviceOptions) };
}

/** What accepts each option and each number; every call passes the value in question, and valid ones for the rest. */
const numbers: Readonly<Record<string, (device: Device) => Any>> = {
  chunkSize: () => (chunkSize) => start({ chunkSize }).device.cipher("aes-ctr", key).encrypt(pattern(64), iv),
  "tagSize of aead()": (device) => (tagSize) =>
    device.aead("aes-gcm", key, { tagSize: tagSize as number }).seal(pattern(16), { nonce }),
  "tagSize of srtp()": (device) => (tagSize) =>
    device.srtp({ ...srtpStart, tagSize: tagSize as number }).seal(pattern(60), { headerSize: 12, iv }),
  "headerSize of seal()": (device) => {
    const srtp = device.srtp(srtpStart);
    return (headerSize) => srtp.seal(pattern(60), { headerSize: headerSize as number, iv });
  },
  "headerSize of openInto()": (device) => {
    const srtp = device.srtp(srtpStart);
    return (headerSize) => srtp.openInto(pattern(60), pattern(60), { headerSize: headerSize as number, iv });
  },
  "size of allocate()": (device) => (size) => device.allocate(size as number),
  "alignmask of allocate()": (device) => (alignmask) => device.allocate(16, alignmask as number),
};
const words: Readonly<Record<string, (device: Device) => Any>> = {
  "hardware of open()": () => (hardware) => start({ hardware }),
  "hardware of capabilities()": (device) => (hardware) => device.capabilities({ hardware: hardware as "allow" }),
  "name of cipher()": (device) => (name) => device.cipher(name as "aes-cbc", key),
  "name of aead()": (device) => (name) => device.aead(name as "aes-gcm", key),
  "name of hash()": (device) => (name) => device.hash(name as "sha1"),
  "name of hmac()": (device) => (name) => device.hmac(name as "sha1", key),
  "cipher of cipherWithMac()": (device) => (name) =>
    device.cipherWithMac({ ...withMacStart, cipher: name as "aes-cbc" }),
  "mac of cipherWithMac()": (device) => (name) => device.cipherWithMac({ ...withMacStart, mac: name as "hmac-sha1" }),
  "cipher of tls()": (device) => (name) => device.tls({ ...tlsStart, cipher: name as "aes-cbc" }),
  "mac of tls()": (device) => (name) => device.tls({ ...tlsStart, mac: name as "hmac-sha1" }),
  "cipher of srtp()": (device) => (name) => device.srtp({ ...srtpStart, cipher: name as "aes-ctr" }),
  "path of open()": () => (path) => Device.open(new VigilantHost(), { path: path as string }),
};
const switches: Readonly<Record<string, (device: Device) => Any>> = {
  padding: (device) => {
    const aes = device.cipher("aes-cbc", key);
    return (padding) => aes.encryptor(iv, { padding: padding as boolean });
  },
  managedNonce: (device) => (managedNonce) =>
    device.aead("aes-gcm", key, { managedNonce: managedNonce as boolean }).seal(pattern(16), { nonce }),
  detached: (device) => {
    const gcm = device.aead("aes-gcm", key);
    return (detached) => gcm.seal(pattern(16), { nonce, detached: detached as true });
  },
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
    "hardware of open()": "allow",
    "hardware of capabilities()": "allow",
    "name of aead()": "aes-gcm",
    "name of hash()": "sha1",
    "name of hmac()": "sha1",
    "mac of cipherWithMac()": "hmac-sha1",
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

describe("a switch that is not a boolean is refused, and no code of it runs:", () => {
  describe.each(Object.entries(switches))("%s", (_name, of) => {
    test.each<Value>([...disguised(1), ["a number", 1], ["a string", "false"], ["null", null]])("%s", (_kind, value) =>
      refusedUnsent(of, value),
    );
  });
});

test("Device.open() refuses a chunkSize that would shrink the destination between the checks and the call", () => {
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
    const aes = Device.open(host, { chunkSize: chunkSize as unknown as number }).cipher("aes-ctr", key);
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
    "device.cipherWithMac()": (device, options) => device.cipherWithMac(options as typeof withMacStart),
    "device.tls()": (device, options) => device.tls(options as typeof tlsStart),
    "device.srtp()": (device, options) => device.srtp(options as typeof srtpStart),
    "aead.seal()": (device, message) => device.aead("aes-gcm", key).seal(pattern(16), message as { nonce: Uint8Array }),
    "aead.open()": (device, message) => device.aead("aes-gcm", key).open(pattern(16), message as { nonce: Uint8Array }),
    "tls.seal()": (device, message) => device.tls(tlsStart).seal(pattern(16), message as { header: never; iv: never }),
    "srtp.seal()": (device, message) =>
      device.srtp(srtpStart).seal(pattern(60), message as { headerSize: never; iv: never }),
    "cipherWithMac.encrypt()": (device, message) =>
      device.cipherWithMac(withMacStart).encrypt(pattern(16), message as { iv: never }),
    "cipherWithMac.decrypt()": (device, message) =>
      device.cipherWithMac(withMacStart).decrypt(pattern(16), message as { mac: never }),
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

test("sessions read options once, so a getter cannot return a second value after the check", () => {
  const answers = (...values: readonly unknown[]) => {
    let asked = 0;
    return () => values[Math.min(asked++, values.length - 1)];
  };
  const twice = (name: string, ...values: readonly unknown[]) =>
    Object.defineProperty({}, name, { get: answers(...values) });
  const { host, device } = start();
  const gcm = device.aead("aes-gcm", key, twice("tagSize", 16, 5));
  expect(gcm.seal(pattern(16), { nonce })).toHaveLength(32);
  expect(gcm.seal(pattern(16), twice("nonce", nonce, pattern(1)))).toEqual(gcm.seal(pattern(16), { nonce }));
  const detached = Object.defineProperty({ nonce }, "detached", { get: answers(false, true) });
  expect(gcm.seal(pattern(16), detached)).toHaveLength(32);
  const aad = Object.defineProperty({ nonce }, "aad", { get: answers(pattern(3), pattern(5000)) });
  expect(gcm.seal(pattern(16), aad)).toEqual(gcm.seal(pattern(16), { nonce, aad: pattern(3) }));
  const srtp = device.srtp(Object.defineProperty({ ...srtpStart }, "tagSize", { get: answers(10, 200) }));
  expect(srtp.seal(pattern(60), { headerSize: 12, iv })).toHaveLength(70);
  const packet = Object.defineProperty({ iv, headerSize: 0 }, "headerSize", { get: answers(12, 256) });
  expect(srtp.seal(pattern(60), packet)).toEqual(srtp.seal(pattern(60), { headerSize: 12, iv }));
  const keys = Object.defineProperty({ ...tlsStart }, "key", { get: answers(key, pattern(1)) });
  expect(device.tls(keys).seal(pattern(9), { header, iv })).toEqual(
    device.tls(tlsStart).seal(pattern(9), { header, iv }),
  );
  const chunks = device.cipher("aes-cbc", key).encryptor(iv, twice("padding", false, true));
  expect(chunks.update(pattern(16))).toHaveLength(16);
  expect(chunks.final()).toHaveLength(0);
  expect(() =>
    start(twice("chunkSize", 16, 7))
      .device.cipher("aes-cbc", key)
      .encrypt(pattern(64), iv),
  ).not.toThrow();
  expect(host.vigil.faults).toEqual([]);
});

const ownOf = (options: object) => Object.getOwnPropertyDescriptors(options);
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
      device.srtp(Object.defineProperties({ ...srtpStart, key: secret, macKey: secret }, ownOf(options))),
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

describe("operations refuse a value that is not a Uint8Array with an error of this library:", () => {
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
  /** Whether an argument may be omitted: the last piece of a message, aad, and a separate tag. */
  const isOptional = (kind: string, name: string, index: number, count: number): boolean =>
    /^(gcm|ccm)/.test(kind)
      ? index === count - 1 || (name.startsWith("open,") && index === 1)
      : ["digest 0", "digestInto 0", "update, copy and digest 1"].includes(`${name} ${index}`);
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
        // The tests themselves find the parts of the only memory of such an operation.
        if (name.endsWith("in place") && index === 0) continue;
        if (thing === undefined && isOptional(kind, name, index, inputs.length)) continue;
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
        if (name.includes("cryptor") && index === 0 && isSplit) continue;
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

test("members of a class count as its object's own, and getters are called", () => {
  const { device } = start();
  const gcm = device.aead("aes-gcm", key);
  class Packet {
    readonly nonce = nonce;
    readonly #header: Uint8Array;
    constructor(to: Uint8Array) {
      this.#header = to;
    }
    get aad() {
      return this.#header;
    }
  }
  class Signed extends Packet {}
  const sealed = gcm.seal(pattern(20), new Signed(pattern(9, 1)));
  expect(toHex(sealed)).toBe(toHex(gcm.seal(pattern(20), { nonce, aad: pattern(9, 1) })));
  expect(() => gcm.open(sealed, new Signed(pattern(9, 2)))).toThrow(AuthenticationError);
  expect(device.aead("aes-gcm", key, Object.create({ tagSize: 4 })).tagSize).toBe(4);
  class Strict {
    get backend() {
      return "software" as const;
    }
    get hardware() {
      return "require" as const;
    }
  }
  const strict = open(new Strict());
  expect(() => strict.hash("sha256")).toThrow(HardwareRequiredError);
  strict.close();
  class Card {
    get hardware() {
      return true;
    }
  }
  const card = Device.open(new SoftwareHost(new Card()), { hardware: "require" });
  expect(card.hash("sha256").info().hardware).toBe(true);
  card.close();
  device.close();
});

describe("a member of Object.prototype does not count:", () => {
  const names = [
    ...[
      "cipher",
      "mac",
      "key",
      "macKey",
      "mackey",
      "nonce",
      "aad",
      "header",
      "headerSize",
      "detached",
      "managedNonce",
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
  const values: readonly unknown[] = [16, 5, "require", { min: 0, max: 1000 }, true, pattern(16, 200)];
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
  // One of each kind is enough: others only have another algorithm.
  const others = /^(3des-cbc|aes-ecb|aes-xts|null|sha1|hmac-md5|gcm)$| ctr$/;
  const chosen = Object.entries(kinds).filter(([kind]) => !others.test(kind));
  const computed = chosen.map(([kind, { start: begin, operations }]) => {
    const all = Object.entries(operations).map(([method, operation]) => {
      const given = operation.inputs(shape);
      return { method, operation, given, outcome: operation.outcome(given, shape) };
    });
    return { kind, begin, all };
  });

  test.each(names)("`%s` does not change the result of any operation", (name) => {
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
          if (expected instanceof Uint8Array) expect(toHex(result as Uint8Array), what).toBe(toHex(expected));
          else if (expected !== undefined) expect(result, what).toBe(expected);
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

  test("open(), Device.capabilities() and cipherStream() do not read it", async () => {
    for (const [name, value] of [
      ["path", "/dev/null"],
      ["trace", () => expect.unreachable()],
      ["backend", "kernel"],
      ["hardware", "require"],
      ["chunkSize", 7],
      ["statistics", true],
      ["lacks", ["aes-cbc"]],
      ["padding", true],
      ["eager", true],
    ] as const) {
      const device = polluted(name, value, () => open({ backend: "software" }));
      expect(device.path).toBe("/dev/crypto");
      const session = polluted(name, value, () => device.cipher("aes-cbc", key));
      expect(session.statistics).toBeUndefined();
      const listed = polluted(name, value, () => device.capabilities());
      expect(listed.filter(({ available }) => available).length).toBeGreaterThan(20);
      expect(listed.filter(({ available }) => !available)).toEqual([]);
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

test("sessions do not read a message from Object.prototype", () => {
  const { host, device } = start();
  const everywhere = Object.prototype as Record<string, unknown>;
  const [gcm, managed] = [device.aead("aes-gcm", key), device.aead("aes-gcm", key, { managedNonce: true })];
  const [tls, srtp, withMac] = [device.tls(tlsStart), device.srtp(srtpStart), device.cipherWithMac(withMacStart)];
  const sealed = gcm.seal(pattern(16), { nonce });
  const managedSealed = managed.seal(pattern(16));
  const polluted = {
    nonce,
    aad: pattern(3),
    iv,
    header,
    headerSize: 12,
    tag: pattern(16),
    detached: true,
    mac: macKey,
  };
  Object.assign(everywhere, polluted, { managedNonce: true });
  try {
    expect(() => gcm.seal(pattern(16), {})).toThrow(
      /^nonce for aes-gcm: expected a Uint8Array, got none; pass it by name/,
    );
    expect(gcm.seal(pattern(16), { nonce })).toEqual(sealed);
    expect(gcm.open(sealed, { nonce })).toEqual(pattern(16));
    expect(managed.open(managedSealed)).toEqual(pattern(16));
    expect(managed.open(managed.seal(pattern(16), {}), {})).toEqual(pattern(16));
    expect(device.aead("aes-gcm", key).overhead).toBe(16);
    expect(() => tls.seal(pattern(16), { header } as never)).toThrow(/^iv for aes-cbc: expected 16 bytes, got none$/);
    expect(() => tls.seal(pattern(16), { iv } as never)).toThrow(/^header for aes-cbc: expected a Uint8Array/);
    expect(() => srtp.seal(pattern(60), { iv } as never)).toThrow(/^header for aes-ctr: .*got undefined$/);
    expect(() => withMac.encrypt(pattern(16), {})).toThrow(/^iv for aes-cbc: expected 16 bytes, got none$/);
    expect(() => withMac.decrypt(pattern(16), { iv } as never)).toThrow(/^mac for hmac-sha1: expected a Uint8Array/);
  } finally {
    for (const name of [...Object.keys(polluted), "managedNonce"]) delete everywhere[name];
  }
  expect(host.vigil.faults).toEqual([]);
});
