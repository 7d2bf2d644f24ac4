import { AuthenticationError, ClosedError, Device } from "@cryptodev/core";
import { machineOf } from "@cryptodev/core/abi";
import { KernelCrashError } from "@cryptodev/soft";
import fc from "fast-check";
import { expect, test } from "vitest";
import { pattern } from "../bytes.ts";
import { detached, growable, movingWasmMemory, resizable } from "../memory.ts";
import { parametersOf } from "../soft/random.ts";
import { VigilantHost } from "../vigilant_host.ts";

/*
 * Whatever a program calls, in whatever order and with whatever arguments: the library never sends a call that would
 * crash a kernel. The software device throws for each such call, and must have no reason to.
 */

/**
 * What is passed instead of bytes: mostly a part of one small arena, so that arguments overlap; sometimes no bytes at
 * all.
 */
const hostile = fc.constantFrom(
  ...[
    "undefined",
    "null",
    "text",
    "array",
    "words",
    "detached",
    "lying",
    "species",
    "growable",
    "moving",
    "shrinking",
    "proxy",
  ],
);
const part = (sizes: fc.Arbitrary<number>) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.record({ start: fc.nat(300), size: sizes }) },
    { weight: 1, arbitrary: fc.record({ start: fc.nat(300), size: fc.nat(90) }) },
    { weight: 1, arbitrary: hostile },
  );
const exactly = (size: number) => part(fc.constant(size));
const roles = {
  data: part(fc.constantFrom(0, 16, 32, 48, 64, 80)),
  anyData: part(fc.nat(64)),
  room: part(fc.constantFrom(15, 16, 31, 32, 64, 80, 96)),
  iv16: exactly(16),
  iv12: exactly(12),
  tag8: exactly(8),
  mac20: exactly(20),
  aad: part(fc.constantFrom(0, 5, 13)),
  flag: fc.constantFrom<unknown[]>(true, false, true, false, undefined, "proxy", 1),
  number: fc.constantFrom<unknown[]>(0, 1, 5, 12, 16, 64, -1, 1.5, Number.NaN, 2 ** 32, "4", "shrinking"),
};
type Role = keyof typeof roles;
/** What a method accepts: bytes, or an object with members that are bytes. */
type Parameter = Role | Readonly<Record<string, Role>>;
type Methods = Readonly<Record<string, readonly Parameter[]>>;

/** How to start each kind of session successfully, and what its methods accept. */
const kinds: Readonly<Record<string, { start: (device: Device) => unknown; methods: Methods }>> = {
  cipher: {
    start: (device) => device.cipher("aes-cbc", pattern(16)),
    methods: {
      encrypt: ["data", "iv16"],
      decrypt: ["data", "iv16"],
      encryptInto: ["data", "room", "iv16"],
      decryptInto: ["data", "room", "iv16"],
      encryptor: ["iv16"],
      decryptor: ["iv16"],
    },
  },
  stream: {
    start: (device) => device.cipher("aes-ctr", pattern(16)),
    methods: {
      encrypt: ["anyData", "iv16"],
      decrypt: ["anyData", "iv16"],
      encryptInto: ["anyData", "room", "iv16"],
      decryptInto: ["anyData", "room", "iv16"],
      decryptor: ["iv16"],
      encryptor: ["iv16"],
    },
  },
  chunks: {
    start: (device) => device.cipher("aes-cbc", pattern(16)).encryptor(pattern(16), { padding: true }),
    methods: { update: ["anyData"], updateInto: ["anyData", "room"], final: [] },
  },
  hash: {
    start: (device) => device.hash("sha1"),
    methods: { update: ["anyData"], digest: ["anyData"], digestInto: ["room", "anyData"], copy: [] },
  },
  hmac: {
    start: (device) => device.hmac("sha1", pattern(16)),
    methods: {
      update: ["anyData"],
      digest: [],
      digestInto: ["room", "anyData"],
      copy: ["iv16"],
      verify: ["anyData", "mac20"],
    },
  },
  cipherWithMac: {
    start: (device) =>
      device.cipherWithMac({ cipher: "aes-cbc", key: pattern(16), mac: "hmac-sha1", macKey: pattern(16) }),
    methods: {
      encrypt: ["data", { iv: "iv16" }],
      encryptInto: ["data", "room", { mac: "mac20", iv: "iv16" }],
      decrypt: ["data", { mac: "mac20", iv: "iv16" }],
      decryptInto: ["data", "room", { mac: "mac20", iv: "iv16" }],
    },
  },
  gcm: {
    start: (device) => device.aead("aes-gcm", pattern(16)),
    methods: {
      seal: ["anyData", { nonce: "iv12", aad: "aad", detached: "flag" }],
      open: ["anyData", { tag: "iv16", nonce: "iv12", aad: "aad" }],
      sealInto: ["anyData", "room", { nonce: "iv12", aad: "aad" }],
      openInto: ["anyData", "room", { nonce: "iv12", aad: "aad" }],
    },
  },
  managed: {
    start: (device) => device.aead("aes-gcm", pattern(16), { managedNonce: true }),
    methods: {
      seal: ["anyData", { aad: "aad", detached: "flag" }],
      open: ["anyData", { aad: "aad" }],
      sealInto: ["anyData", "room", { aad: "aad" }],
      openInto: ["anyData", "room", { aad: "aad" }],
    },
  },
  ccm: {
    start: (device) => device.aead("aes-ccm", pattern(16), { tagSize: 8 }),
    methods: {
      seal: ["anyData", { nonce: "iv12", aad: "aad" }],
      open: ["anyData", { tag: "tag8", nonce: "iv12", aad: "aad" }],
      sealInto: ["anyData", "room", { nonce: "iv12", aad: "aad" }],
      openInto: ["anyData", "room", { nonce: "iv12", aad: "aad" }],
    },
  },
  tls: {
    start: (device) => device.tls({ cipher: "aes-cbc", key: pattern(16), mac: "hmac-sha1", macKey: pattern(16) }),
    methods: {
      seal: ["anyData", { header: "aad", iv: "iv16" }],
      open: ["data", { header: "aad", iv: "iv16" }],
      sealInto: ["anyData", "room", { header: "aad", iv: "iv16" }],
      openInto: ["data", "room", { header: "aad", iv: "iv16" }],
    },
  },
  srtp: {
    start: (device) =>
      device.srtp({ cipher: "aes-ctr", key: pattern(16), mac: "hmac-sha1", macKey: pattern(16), tagSize: 10 }),
    methods: {
      seal: ["anyData", { headerSize: "number", iv: "iv16" }],
      open: ["anyData", { headerSize: "number", iv: "iv16" }],
      sealInto: ["anyData", "room", { headerSize: "number", iv: "iv16" }],
      openInto: ["anyData", "room", { headerSize: "number", iv: "iv16" }],
    },
  },
};
const kindName = fc.constantFrom(...Object.keys(kinds));
const always: Methods = { info: [], close: [] };

/** One call of a session: mostly of a method that it has, with arguments of about the right kind. */
const step = fc.record({
  session: fc.nat(20),
  method: fc.nat(20),
  arguments: fc.record(roles),
  again: fc.record(roles),
  /** What a getter does if members are getters. */
  getter: fc.constantFrom("none", "none", "none", "close", "close the device", "shrink", "use"),
});
/** One start of a session with random arguments. */
const start = fc.record({
  kind: fc.constantFrom("cipher", "hash", "hmac", "cipherWithMac", "aead", "tls", "srtp"),
  cipher: fc.constantFrom<string[]>(
    "aes-cbc",
    "aes-ctr",
    "aes-xts",
    "null",
    "des-cbc",
    "aes-gcm",
    "aes-ccm",
    "toString",
  ),
  mac: fc.constantFrom<string[]>("sha1", "hmac-sha1", "sha256", "md5", "kpdk-md5"),
  key: fc.oneof(exactly(16), exactly(32), exactly(8)),
  macKey: part(fc.constantFrom(0, 20, 64)),
  tagSize: fc.constantFrom<unknown[]>(undefined, 4, 5, 8, 12, 16, 0, 20, "shrinking"),
});
type Spec = { readonly start: number; readonly size: number } | string | number;

/** What sessions have besides methods with arguments. */
const common = ["constructor", "id", "closed", "statistics", "info", "close"];
const readOnly = ["name", "mac", "blockSize", "ivSize", "tagSize", "macSize", "digestSize", "nonceSize", "overhead"];

test.each(Object.entries(kinds))(
  "a session (%s) has no method that a program can call besides those that the random calls use",
  (_kind, kind) => {
    const device = Device.open(new VigilantHost());
    const session = kind.start(device) as object;
    const known = new Set([...common, ...readOnly, ...Object.keys(kind.methods)]);
    const found: string[] = [];
    for (let one = session; one !== Object.prototype; one = Object.getPrototypeOf(one)) {
      found.push(...Object.getOwnPropertyNames(one));
    }
    expect(found.filter((name) => !known.has(name))).toEqual([]);
    device.close();
  },
);

class Elsewhere extends Uint8Array {
  static get [Symbol.species](): Uint8ArrayConstructor {
    return function other() {
      return new Uint8Array(1);
    } as unknown as Uint8ArrayConstructor;
  }
}

const ARENA = 400;

/** A number that shrinks all memory to half its size when it is converted. */
const shrinking = (arena: ReturnType<typeof resizable>) => ({
  [Symbol.toPrimitive]() {
    arena.resize(ARENA / 2);
    return 16;
  },
});

function make(arena: ReturnType<typeof resizable>, spec: unknown): unknown {
  if (typeof spec === "object" && spec !== null) {
    const { start: from, size } = spec as Exclude<Spec, string | number>;
    return new Uint8Array(arena, from, size);
  }
  switch (spec) {
    case "undefined":
      return undefined;
    case "null":
      return null;
    case "array":
      return [1, 2, 3];
    case "words":
      return new Uint32Array(4);
    case "detached":
      return detached(16);
    case "lying":
      return Object.defineProperties(pattern(8), {
        length: { value: 16 },
        byteLength: { value: 16 },
        byteOffset: { value: 4 },
        subarray: { value: () => new Uint8Array(1) },
      });
    case "species":
      return new Elsewhere(64);
    case "growable":
      return new Uint8Array(growable(16, 64));
    case "moving":
      return moving;
    case "shrinking":
      return shrinking(arena);
    case "proxy":
      return new Proxy(pattern(16), {});
    default:
      return spec;
  }
}

/** One memory for all runs: the library follows it if the runtime allows that, and it is detached otherwise. */
const wasm = movingWasmMemory(0);
const moving = new Uint8Array(wasm.toResizableBuffer?.() ?? wasm.buffer, 0, 16);

type Method = (...args: unknown[]) => unknown;

test("no sequence of calls of the library crashes a kernel or throws an unexpected error, whatever is passed", () => {
  let worked = 0;
  const property = fc.property(
    fc.constantFrom("x64", "arm"),
    fc.array(kindName, { minLength: 2, maxLength: 4 }),
    fc.array(start, { maxLength: 3 }),
    fc.array(step, { maxLength: 40 }),
    (arch, chosen, starts, steps) => {
      const machine = machineOf(arch) as NonNullable<ReturnType<typeof machineOf>>;
      const host = new VigilantHost({ machine });
      const device = Device.open(host, { chunkSize: 32 });
      const arena = resizable(ARENA, ARENA);
      const things: { readonly object: object; readonly methods: Methods }[] = [];
      const attempt = (call: () => unknown, methods?: Methods) => {
        try {
          const result = call();
          worked += 1;
          if (methods !== undefined && typeof result === "object" && result !== null)
            things.push({ object: result, methods });
        } catch (error) {
          expect(error).not.toBeInstanceOf(KernelCrashError);
          // The kernel accepts what the library sends, so none of these is a CryptodevError.
          const ours = [RangeError, TypeError, AuthenticationError, ClosedError];
          expect(ours, String((error as Error).stack)).toContain((error as Error).constructor);
        }
      };
      for (const name of chosen) attempt(() => kinds[name]?.start(device), { ...always, ...kinds[name]?.methods });
      for (const { kind, cipher, mac, key: keySpec, macKey: macKeySpec, tagSize: tagSizeSpec } of starts) {
        const [bytes, macKey, tagSize] = [make(arena, keySpec), make(arena, macKeySpec), make(arena, tagSizeSpec)];
        const args = {
          cipher: [cipher, bytes],
          hash: [mac],
          hmac: [mac.replace("hmac-", ""), bytes],
          cipherWithMac: [{ cipher, key: bytes, mac, macKey }],
          aead: [cipher, bytes, { tagSize, managedNonce: tagSize === 16 }],
          tls: [{ cipher, key: bytes, mac, macKey }],
          srtp: [{ cipher, key: bytes, mac, macKey, tagSize }],
        }[kind];
        attempt(() => (device[kind as "cipher"] as unknown as Method).apply(device, args as unknown[]));
      }
      for (const { session, method, arguments: given, again, getter } of steps) {
        if (device.closed) break;
        arena.resize(ARENA);
        const thing = things[session % Math.max(things.length, 1)];
        if (thing === undefined) continue;
        const names = Object.keys(thing.methods);
        // Closing comes last in the list, and seldom.
        const name = names[method < 19 ? 2 + (method % Math.max(names.length - 2, 1)) : method % 2] ?? "info";
        const used = new Set<Role>();
        const specified = (role: Role) => {
          const spec = used.has(role) ? again[role] : given[role];
          used.add(role);
          return make(arena, spec);
        };
        const values: unknown[] = [];
        let hasActed = false;
        /** Runs when a member is read: something different the first time, and nothing in the call that it makes. */
        const act = () => {
          if (hasActed) return;
          hasActed = true;
          const object = thing.object as Record<string, Method>;
          if (getter === "close") object.close?.();
          else if (getter === "close the device") device.close();
          else if (getter === "shrink") arena.resize(ARENA / 2);
          else if (getter === "use") attempt(() => object[name]?.(...values));
        };
        for (const parameter of thing.methods[name] ?? []) {
          if (typeof parameter === "string") {
            values.push(specified(parameter));
            continue;
          }
          const members = Object.entries(parameter).flatMap(([member, role]) => {
            const value = specified(role);
            const get = () => {
              act();
              return value;
            };
            // A tag is often omitted: then the message contains it.
            if (member === "tag" && method % 2 === 0) return [];
            return [[member, getter === "none" ? { value, enumerable: true } : { get }] as const];
          });
          values.push(Object.defineProperties({}, Object.fromEntries(members)));
        }
        // Repeated with the very same memory, as a program in its steady state does.
        for (let times = 0; times <= method % 3; times += 1) {
          attempt(() => (thing.object as Record<string, Method>)[name]?.(...values));
        }
      }
      expect(host.vigil.faults).toEqual([]);
      device.close();
    },
  );
  fc.assert(property, parametersOf("hostile calls", 500) as fc.Parameters<[string, string[], unknown[], unknown[]]>);
  // Not only refusals: most calls have to reach the device.
  expect(worked).toBeGreaterThan(2000);
});
