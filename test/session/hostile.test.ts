import { CryptodevError, Device, machineOf } from "@cryptodev/core";
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
  mac20: exactly(20),
  aad: part(fc.constantFrom(0, 5, 13)),
  number: fc.constantFrom<unknown[]>(0, 1, 5, 12, 16, 64, -1, 1.5, Number.NaN, 2 ** 32, "4", "shrinking"),
};
type Role = keyof typeof roles;

/** How to start each kind of session successfully, and what its methods accept. */
const kinds: Readonly<
  Record<string, { start: (device: Device) => unknown; methods: Readonly<Record<string, readonly Role[]>> }>
> = {
  cipher: {
    start: (device) => device.cipher("aes-cbc", pattern(16)),
    methods: {
      encrypt: ["data", "iv16"],
      decrypt: ["data"],
      encryptInto: ["data", "room", "iv16"],
      decryptInto: ["data", "room", "iv16"],
      encryptor: ["iv16"],
      decryptor: ["iv16"],
    },
  },
  stream: {
    start: (device) => device.cipher("aes-ctr", pattern(16)),
    methods: { encryptInto: ["anyData", "room", "iv16"], decryptInto: ["anyData", "room"], encryptor: ["iv16"] },
  },
  chunks: {
    start: (device) => device.cipher("aes-cbc", pattern(16)).encryptor(pattern(16), { padding: "pkcs7" }),
    methods: { update: ["anyData"], final: [] },
  },
  hash: {
    start: (device) => device.hash("sha1"),
    methods: { update: ["anyData"], digest: ["anyData"], digestInto: ["room", "anyData"], copy: [] },
  },
  hmac: {
    start: (device) => device.hmac("sha1", pattern(16)),
    methods: { update: ["anyData"], digest: [], copy: ["iv16"] },
  },
  combined: {
    start: (device) => device.combined("aes-cbc", pattern(16), "hmac-sha1", pattern(16)),
    methods: {
      encrypt: ["data", "iv16"],
      encryptInto: ["data", "room", "mac20", "iv16"],
      decrypt: ["data", "mac20", "iv16"],
      decryptInto: ["data", "room", "mac20", "iv16"],
    },
  },
  gcm: {
    start: (device) => device.aead("aes-gcm", pattern(16)),
    methods: {
      seal: ["anyData", "iv12", "aad"],
      open: ["anyData", "iv12", "aad"],
      sealInto: ["anyData", "room", "iv12", "aad"],
      openInto: ["anyData", "room", "iv12", "aad"],
      encrypt: ["anyData", "iv12"],
      decrypt: ["anyData", "iv16", "iv12"],
    },
  },
  ccm: {
    start: (device) => device.aead("aes-ccm", pattern(16), { tagSize: 8 }),
    methods: { sealInto: ["anyData", "room", "iv12", "aad"], openInto: ["anyData", "room", "iv12", "aad"] },
  },
  tls: {
    start: (device) => device.tls("aes-cbc", pattern(16), "hmac-sha1", pattern(16)),
    methods: {
      seal: ["anyData", "aad", "iv16"],
      open: ["data", "aad", "iv16"],
      sealInPlace: ["room", "number", "aad", "iv16"],
      openInPlace: ["data", "aad", "iv16"],
    },
  },
  srtp: {
    start: (device) => device.srtp("aes-ctr", pattern(16), "hmac-sha1", pattern(16), { tagSize: 10 }),
    methods: {
      seal: ["anyData", "number", "iv16"],
      open: ["anyData", "number", "iv16"],
      sealInPlace: ["room", "number", "iv16"],
      openInPlace: ["room", "number", "iv16"],
    },
  },
};
const kindName = fc.constantFrom(...Object.keys(kinds));
const always: Readonly<Record<string, readonly Role[]>> = { info: [], close: [] };

/** One call of a session: mostly of a method that it has, with arguments of about the right kind. */
const step = fc.record({
  session: fc.nat(20),
  method: fc.nat(20),
  arguments: fc.record(roles),
  again: fc.record(roles),
});
/** One start of a session with random arguments. */
const start = fc.record({
  kind: fc.constantFrom("cipher", "hash", "hmac", "combined", "aead", "tls", "srtp"),
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
  mackey: part(fc.constantFrom(0, 20, 64)),
  tagSize: fc.constantFrom<unknown[]>(undefined, 4, 5, 8, 12, 16, 0, 20, "shrinking"),
});
type Spec = { readonly start: number; readonly size: number } | string | number;

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

test("no sequence of calls crashes a kernel or throws an unexpected error", () => {
  let worked = 0;
  const property = fc.property(
    fc.constantFrom("x64", "arm"),
    fc.array(kindName, { minLength: 2, maxLength: 4 }),
    fc.array(start, { maxLength: 3 }),
    fc.array(step, { maxLength: 40 }),
    (arch, chosen, starts, steps) => {
      const machine = machineOf(arch) as NonNullable<ReturnType<typeof machineOf>>;
      const host = new VigilantHost({ machine });
      const device = Device.open(host, undefined, { chunkSize: 32 });
      const arena = resizable(ARENA, ARENA);
      const things: { readonly object: object; readonly methods: Readonly<Record<string, readonly Role[]>> }[] = [];
      const attempt = (call: () => unknown, methods?: Readonly<Record<string, readonly Role[]>>) => {
        try {
          const result = call();
          worked += 1;
          if (methods !== undefined && typeof result === "object" && result !== null)
            things.push({ object: result, methods });
        } catch (error) {
          expect(error).not.toBeInstanceOf(KernelCrashError);
          const isOurs = error instanceof CryptodevError || error instanceof RangeError || error instanceof TypeError;
          expect(isOurs || (error as Error).name === "ClosedError", String((error as Error).stack)).toBe(true);
          // The kernel accepts what the library sends; it refuses only forged messages.
          if (error instanceof CryptodevError) expect(error.code, error.stack ?? "").toBe("EBADMSG");
        }
      };
      for (const name of chosen) attempt(() => kinds[name]?.start(device), { ...always, ...kinds[name]?.methods });
      for (const { kind, cipher, mac, key, mackey, tagSize } of starts) {
        const [keyBytes, mackeyBytes] = [make(arena, key), make(arena, mackey)];
        const args = {
          cipher: [cipher, keyBytes],
          hash: [mac],
          hmac: [mac.replace("hmac-", ""), keyBytes],
          combined: [cipher, keyBytes, mac, mackeyBytes],
          aead: [cipher, keyBytes, { tagSize: make(arena, tagSize) }],
          tls: [cipher, keyBytes, mac, mackeyBytes],
          srtp: [cipher, keyBytes, mac, mackeyBytes, { tagSize: make(arena, tagSize) }],
        }[kind];
        attempt(() => (device[kind as "cipher"] as unknown as Method).apply(device, args as unknown[]));
      }
      for (const { session, method, arguments: given, again } of steps) {
        arena.resize(ARENA);
        const thing = things[session % Math.max(things.length, 1)];
        if (thing === undefined) continue;
        const names = Object.keys(thing.methods);
        // Closing comes last in the list, and seldom.
        const name = names[method < 19 ? 2 + (method % Math.max(names.length - 2, 1)) : method % 2] ?? "info";
        const used = new Set<Role>();
        const values = (thing.methods[name] ?? []).map((role) => {
          const spec = used.has(role) ? again[role] : given[role];
          used.add(role);
          return make(arena, spec);
        });
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
