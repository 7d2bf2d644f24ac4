import * as core from "@cryptodev/core";
import { Device } from "@cryptodev/core";
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

/** Writes to a member if that is possible. */
function overwrite(target: object, name: string, value: unknown): void {
  const before = Object.getOwnPropertyDescriptor(target, name);
  try {
    (target as Slot)[name] = value;
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
  expect(() => gcm.seal(pattern(16), pattern(16))).toThrow(RangeError);
  expect(() => gcm.seal(pattern(16), pattern(1))).toThrow(RangeError);
  expect(() => device.aead("aes-ccm", key).seal(pattern(16), pattern(14))).toThrow(RangeError);
  expect(gcm.open(gcm.seal(pattern(16), pattern(12)), pattern(12))).toHaveLength(16);
  const aes = device.cipher("aes-cbc", key);
  expect(aes.decrypt(aes.encrypt(pattern(32), iv), iv)).toEqual(pattern(32));
  device.close();
  expect(host.vigil.faults).toEqual([]);
}

test("invalid sizes are refused and valid calls work before anything was changed", probe);

test("changing what Device.capabilities() returned has no effect", () => {
  const device = Device.open(new VigilantHost());
  const names = device.capabilities().map(({ name }) => name);
  for (const capability of device.capabilities()) {
    corrupt(capability);
    overwrite(capability, "name", "changed");
  }
  probe();
  expect(device.capabilities().map(({ name }) => name)).toEqual(names);
  expect(device.capabilities().find(({ name }) => name === "aes-gcm")?.tagSizes).toEqual([4, 8, 12, 13, 14, 15, 16]);
  device.close();
});

test.each([
  ["ciphers", core.ciphers],
  ["macs", core.macs],
])("changing the exported table of %s has no effect", (_name, table) => {
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

test("changing Aead.nonceSize has no effect", () => {
  const device = Device.open(new VigilantHost());
  for (const name of ["aes-gcm", "aes-ccm"] as const) {
    const aead = device.aead(name, key);
    overwrite(aead.nonceSize, "min", 0);
    overwrite(aead.nonceSize, "max", 1000);
    expect(() => aead.seal(pattern(16), pattern(14))).toThrow(RangeError);
  }
  probe();
  device.close();
});

test("changing members of a session has no effect", () => {
  const host = new VigilantHost();
  const device = Device.open(host);
  const sessions = [
    device.cipher("aes-cbc", key),
    device.aead("aes-gcm", key),
    device.hash("sha256"),
    device.tls("aes-cbc", key, "hmac-sha1", key),
    device.srtp("aes-ctr", key, "hmac-sha1", key, { tagSize: 10 }),
    device.combined("aes-cbc", key, "sha1"),
  ] as const;
  for (const session of sessions) {
    for (const name of [
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
      "device",
      "closed",
    ]) {
      overwrite(session, name, name === "nonceSize" ? { min: 0, max: 100 } : 5);
    }
  }
  const [aes, gcm, sha, tls, srtp, combined] = sessions;
  expect(() => aes.encrypt(pattern(5), iv)).toThrow(RangeError);
  expect(() => gcm.seal(pattern(5), pattern(5))).toThrow(RangeError);
  expect(gcm.seal(pattern(5), pattern(12))).toHaveLength(21);
  expect(() => sha.digestInto(new Uint8Array(5))).toThrow(RangeError);
  expect(() => tls.sealInPlace(new Uint8Array(20), 10, pattern(13), iv)).toThrow(RangeError);
  expect(srtp.seal(pattern(60), 12, iv)).toHaveLength(70);
  expect(() => combined.encrypt(pattern(5), iv)).toThrow(RangeError);
  expect(host.vigil.faults).toEqual([]);
  device.close();
});

describe("exported data is deeply frozen:", () => {
  const data = Object.entries(core).filter(([, value]) => typeof value === "object" && value !== null);

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

  test("machineOf() of an architecture", () => {
    for (const arch of ["x86_64", "arm", "mips", "ppc64"]) expect(Object.isFrozen(core.machineOf(arch))).toBe(true);
  });
});
