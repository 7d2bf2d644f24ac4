import * as core from "@cryptodev/core";
import { Device } from "@cryptodev/core";
import * as abi from "@cryptodev/core/abi";
import * as algorithms from "@cryptodev/core/algorithms";
import { afterEach, describe, expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";
import { VigilantHost } from "../vigilant_host.ts";

/*
 * Programs may change what the library returns, but not what it relies on: if a program edits a list for its user
 * interface, the library must not check tag sizes against that list.
 */

const key = pattern(16);
const iv = pattern(16);

type Slot = Record<string, unknown>;

/** Undoes each change, so that what these tests find does not fail other tests. */
const changes: (() => void)[] = [];
afterEach(() => {
  for (const undo of changes.splice(0).reverse()) undo();
});

/** Writes to a member if that is possible; if it is a getter of the prototype, the object gets a member of its own. */
function overwrite(target: object, name: string, value: unknown): void {
  const before = Object.getOwnPropertyDescriptor(target, name);
  try {
    Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
  } catch {
    // It is frozen.
    return;
  }
  changes.push(() => {
    if (before === undefined) delete (target as Slot)[name];
    else Object.defineProperty(target, name, before);
    if (Array.isArray(target) && before === undefined) target.length = Number(name);
  });
}

/** Adds to a list if that is possible. */
const add = (list: unknown, value: number) => overwrite(list as object, String((list as unknown[]).length), value);

/** Changes the properties of an algorithm so that every check against them would accept what crashes a kernel. */
function corrupt(algorithm: object): void {
  const members = algorithm as Slot;
  for (const [name, value] of [
    ["tagSizes", 5],
    ["keySizes", 5],
  ] as const) {
    const sizes = members[name];
    if (Array.isArray(sizes)) for (const size of [value, 1000]) add(sizes, size);
    else if (typeof sizes === "object" && sizes !== null) {
      overwrite(sizes, "min", 0);
      overwrite(sizes, "max", 1000);
    }
    overwrite(members, name, { min: 0, max: 1000 });
  }
  for (const name of ["blockSize", "ivSize", "digestSize"]) {
    if (members[name] !== undefined) overwrite(members, name, 1);
  }
  overwrite(members, "kind", "stream");
  overwrite(members, "keyed", false);
  if (members.id !== undefined) overwrite(members, "id", 50);
}

/** Everything that the checks prevent: none of it may reach the device, and all valid calls work. */
function probe(): void {
  const host = new VigilantHost();
  const device = Device.open(host);
  for (const tagSize of [5, 1, 17, 1000]) {
    expect(() => device.aead("aes-gcm", key, { tagSize }), `tag size ${tagSize}`).toThrow(RangeError);
    expect(() => device.aead("aes-ccm", key, { tagSize }), `tag size ${tagSize}`).toThrow(RangeError);
  }
  for (const name of ["aes-cbc", "aes-128-cbc", "aes-xts"] as const) {
    expect(() => device.cipher(name, pattern(5)), name).toThrow(RangeError);
    expect(() => device.cipher(name, pattern(1000)), name).toThrow(RangeError);
  }
  expect(() => device.cipher("blowfish-cbc", pattern(3))).toThrow(RangeError);
  expect(() => device.cipher("blowfish-cbc", pattern(1000))).toThrow(RangeError);
  expect(() => device.cipher("aes-gcm" as "aes-cbc", key)).toThrow(RangeError);
  expect(() => device.cipher("aes-cbc", key).encrypt(pattern(17), iv)).toThrow(RangeError);
  expect(() => device.cipher("aes-cbc", key).encrypt(pattern(16), pattern(1))).toThrow(RangeError);
  expect(() => device.hash("sha256").digestInto(new Uint8Array(1), pattern(3))).toThrow(RangeError);
  expect(() => device.hmac("sha256", pattern(513))).toThrow(RangeError);
  expect(toHex(device.hash("sha1").digest(new TextEncoder().encode("abc")))).toBe(
    "a9993e364706816aba3e25717850c26c9cd0d89d",
  );
  const gcm = device.aead("aes-gcm", key);
  expect(() => gcm.seal(pattern(16), { nonce: pattern(16) })).toThrow(RangeError);
  expect(() => gcm.seal(pattern(16), { nonce: pattern(1) })).toThrow(RangeError);
  expect(() => device.aead("aes-ccm", key).seal(pattern(16), { nonce: pattern(14) })).toThrow(RangeError);
  expect(gcm.open(gcm.seal(pattern(16), { nonce: pattern(12) }), { nonce: pattern(12) })).toHaveLength(16);
  const aes = device.cipher("aes-cbc", key);
  expect(aes.decrypt(aes.encrypt(pattern(32), iv), iv)).toEqual(pattern(32));
  device.close();
  expect(host.vigil.faults).toEqual([]);
}

test("sessions refuse invalid sizes and work with valid ones before anything was changed", probe);

test("Device.capabilities() returns copies: changing them has no effect", () => {
  const device = Device.open(new VigilantHost());
  const names = device.capabilities().map(({ name }) => name);
  for (const capability of device.capabilities()) {
    corrupt(capability);
    overwrite(capability, "name", "changed");
  }
  probe();
  expect(device.capabilities().map(({ name }) => name)).toEqual(names);
  expect(device.capabilities().find(({ name }) => name === "aes-gcm")).toMatchObject({
    kind: "aead",
    nonceSize: { min: 12, max: 12 },
    tagSizes: [4, 8, 12, 13, 14, 15, 16],
  });
  device.close();
});

test.each([
  ["ciphers", abi.ciphers],
  ["macs", abi.macs],
])("the exported table `%s` cannot be changed", (_name, table) => {
  for (const algorithm of Object.values(table)) corrupt(algorithm);
  overwrite(table, "CRYPTO_NEW", {
    id: 50,
    name: "aes-new",
    kind: "stream",
    kernelName: "x",
    keySizes: [5],
    blockSize: 1,
    ivSize: 0,
  });
  probe();
});

test("Aead.nonceSize cannot be changed", () => {
  const device = Device.open(new VigilantHost());
  for (const name of ["aes-gcm", "aes-ccm"] as const) {
    const aead = device.aead(name, key);
    overwrite(aead.nonceSize, "min", 0);
    overwrite(aead.nonceSize, "max", 1000);
    expect(() => aead.seal(pattern(16), { nonce: pattern(14) })).toThrow(RangeError);
  }
  probe();
  device.close();
});

describe("sessions check sizes against private data:", () => {
  const keys = { key, macKey: key };
  const cbc = { cipher: "aes-cbc", mac: "hmac-sha1", ...keys } as const;
  const members = [
    "name",
    "mac",
    "id",
    "blockSize",
    "ivSize",
    "tagSize",
    "digestSize",
    "macSize",
    "overhead",
    "nonceSize",
    "closed",
  ];
  const check = (device: Device, change: (...sessions: readonly object[]) => void) => {
    const [aes, gcm, sha] = [device.cipher("aes-cbc", key), device.aead("aes-gcm", key), device.hash("sha256")];
    const managed = device.aead("aes-gcm", key, { managedNonce: true });
    const [tls, withMac] = [device.tls(cbc), device.cipherWithMac({ cipher: "aes-cbc", key, mac: "sha1" })];
    const srtp = device.srtp({ cipher: "aes-ctr", mac: "hmac-sha1", ...keys, tagSize: 10 });
    const hmac = device.hmac("sha256", key);
    change(aes, gcm, sha, managed, tls, withMac, srtp, hmac);
    const [nonce, header] = [pattern(12), pattern(13)];
    expect(() => aes.encrypt(pattern(5), iv)).toThrow(RangeError);
    expect(() => aes.encrypt(pattern(16), pattern(5))).toThrow(RangeError);
    expect(() => gcm.seal(pattern(5), { nonce: pattern(5) })).toThrow(RangeError);
    expect(() => gcm.sealInto(pattern(5), pattern(20), { nonce })).toThrow(RangeError);
    expect(() => gcm.open(pattern(15), { nonce })).toThrow(RangeError);
    expect(gcm.seal(pattern(5), { nonce })).toHaveLength(21);
    expect(managed.open(managed.seal(pattern(5)))).toEqual(pattern(5));
    expect(() => managed.sealInto(pattern(5), pattern(32))).toThrow(RangeError);
    expect(() => managed.open(pattern(27))).toThrow(RangeError);
    expect(() => sha.digestInto(new Uint8Array(5))).toThrow(RangeError);
    expect(() => hmac.verify(pattern(5), new Uint8Array(5))).toThrow(RangeError);
    expect(hmac.verify(pattern(5), new Uint8Array(32))).toBe(false);
    expect(hmac.verify(pattern(5), device.hmac("sha256", key).digest(pattern(5)))).toBe(true);
    expect(() => tls.sealInto(pattern(10), new Uint8Array(45), { header, iv })).toThrow(RangeError);
    expect(() => tls.open(pattern(5), { header, iv })).toThrow(RangeError);
    expect(tls.open(tls.seal(pattern(10), { header, iv }), { header, iv })).toEqual(pattern(10));
    expect(() => srtp.sealInto(pattern(60), new Uint8Array(69), { headerSize: 12, iv })).toThrow(RangeError);
    expect(srtp.seal(pattern(60), { headerSize: 12, iv })).toHaveLength(70);
    expect(() => withMac.encrypt(pattern(5), { iv })).toThrow(RangeError);
    expect(() => withMac.encryptInto(pattern(16), pattern(16), { mac: pattern(5), iv })).toThrow(RangeError);
  };
  const changed = (name: string): unknown =>
    name === "nonceSize" ? { min: 0, max: 100 } : name === "closed" ? false : 5;

  test("changing their members has no effect", () => {
    const host = new VigilantHost();
    const device = Device.open(host);
    check(device, (...sessions) => {
      for (const session of sessions) for (const name of members) overwrite(session, name, changed(name));
    });
    expect(host.vigil.faults).toEqual([]);
    device.close();
  });

  test("changing the getters and methods of their prototypes has no effect", () => {
    const host = new VigilantHost();
    const device = Device.open(host);
    check(device, (...sessions) => {
      for (const prototype of new Set(sessions.map((session) => Object.getPrototypeOf(session) as object))) {
        for (const name of members) if (Object.hasOwn(prototype, name)) overwrite(prototype, name, changed(name));
      }
    });
    expect(host.vigil.faults).toEqual([]);
    device.close();
  });

  test("a method that a program replaced is not called by another one", () => {
    const host = new VigilantHost();
    const device = Device.open(host);
    check(device, (...sessions) => {
      for (const session of sessions) {
        for (const name of ["digestInto", "update", "copyTo", "info"]) {
          if (name in session && !(name === "digestInto" && !("verify" in session))) overwrite(session, name, () => 32);
        }
      }
    });
    expect(host.vigil.faults).toEqual([]);
    device.close();
  });
});

describe("exported data is deeply frozen:", () => {
  const data = Object.entries({ ...core, ...abi, ...algorithms }).filter(
    ([, value]) => typeof value === "object" && value !== null,
  );

  test.each(data)("%s", (_name, value) => {
    const seen = new Set<object>();
    const loose: string[] = [];
    const look = (part: unknown, path: string) => {
      if (typeof part !== "object" || part === null || seen.has(part)) return;
      seen.add(part);
      if (!Object.isFrozen(part)) loose.push(path);
      for (const [member, inner] of Object.entries(part)) look(inner, `${path}.${member}`);
    };
    look(value, "");
    expect(loose).toEqual([]);
  });

  test("what machineOf() returns", () => {
    for (const arch of ["x86_64", "arm", "mips", "ppc64"]) expect(Object.isFrozen(abi.machineOf(arch))).toBe(true);
  });
});
