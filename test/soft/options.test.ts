import { createHash } from "node:crypto";
import { Device } from "@cryptodev/core";
import { CIOCGSESSION, type ErrnoName } from "@cryptodev/core/abi";
import { nearest } from "@cryptodev/core/algorithms";
import { type Slices, SoftwareDevice, SoftwareHost, type SoftwareHostOptions } from "@cryptodev/soft";
import { afterEach, describe, expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";
import { Replay } from "./replay.ts";

/*
 * If a device accepted a name that does not exist, or an option of the wrong type, a test would pass without testing
 * anything.
 */

const typed = (options: Record<string, unknown>) => options as SoftwareHostOptions;

describe("SoftwareDevice.lacks", () => {
  test.each([
    ["aes-gmc", "aes-gcm"],
    ["AES-GCM", "aes-gcm"],
    ["sha-256", "sha256"],
    ["hmac-sha_1", "hmac-sha1"],
  ])("refuses %s, and suggests %s", (name, meant) => {
    const message = `lacks: there is no "${name}"; did you mean ${meant}?`;
    expect(() => new SoftwareHost({ lacks: [name] })).toThrow(new RangeError(message));
    const { device } = new SoftwareHost();
    expect(() => device.lacks.add(name)).toThrow(new RangeError(message));
    expect(device.lacks.size).toBe(0);
  });

  test("refuses a single key size of an algorithm", () => {
    const message = 'lacks: "aes-128-gcm" is one key size of aes-gcm; only the whole algorithm can be missing';
    expect(() => new SoftwareHost({ lacks: ["aes-128-gcm"] })).toThrow(new RangeError(message));
  });

  test("does not repeat an unknown name that is not close to any algorithm, because it may be a secret", () => {
    const secret = "00112233445566778899aabbccddeeff";
    const refused = expect.objectContaining({
      name: "RangeError",
      message: expect.stringMatching(
        /^lacks: expected one of null, des-cbc, .*; got an unknown name of 32 characters$/,
      ),
    });
    expect(() => new SoftwareHost({ lacks: [secret] })).toThrow(refused);
  });

  test.each([["aes-gcm"], [7], [null], [{}], [() => {}]])(
    "refuses a value that is not a list of strings: %j",
    (lacks) => {
      expect(() => new SoftwareHost(typed({ lacks: lacks ?? 0 }))).toThrow(TypeError);
      expect(() => new SoftwareHost(typed({ lacks: [lacks === "aes-gcm" ? 1 : lacks] }))).toThrow(TypeError);
    },
  );

  test.each(["skipjack-cbc", "deflate", "arc4", "tls11-aes-cbc-hmac-sha1"])(
    "refuses an algorithm that is in the header but not in the device: %s",
    (name) => {
      const refused = expect.objectContaining({ message: expect.not.stringContaining(`${name},`) });
      expect(() => new SoftwareHost({ lacks: [name] })).toThrow(RangeError);
      expect(() => new SoftwareHost({ lacks: [name] })).toThrow(refused);
    },
  );

  test("accepts every algorithm that a device has", () => {
    const device = Device.open(new SoftwareHost());
    const names = device.capabilities().map(({ name, kind }) => (kind === "hmac" ? `hmac-${name}` : name));
    device.close();
    const host = new SoftwareHost({ lacks: new Set(names) });
    expect(
      Device.open(host)
        .capabilities()
        .filter(({ available }) => available),
    ).toEqual([]);
  });
});

describe("SoftwareDevice.failNext()", () => {
  test.each<readonly [unknown, unknown, string]>([
    ["ENOMEN", undefined, 'error of a fault: there is no "ENOMEN"; did you mean ENOMEM?'],
    ["enomem", "open", 'error of a fault: there is no "enomem"; did you mean ENOMEM?'],
    ["ENOMEM", "CIOCGSESION", 'call of a fault: there is no "CIOCGSESION"; did you mean CIOCGSESSION?'],
    ["ENOMEM", "Open", 'call of a fault: there is no "Open"; did you mean open?'],
    ["ENOMEM", "CIOCASYNCCRYPT", "call of a fault: only a device created with async: true supports CIOCASYNCCRYPT"],
  ])("refuses the error %s of the call %s, with a suggestion", (code, call, message) => {
    const device = new SoftwareDevice();
    expect(() => device.failNext(code as ErrnoName, call as string)).toThrow(new RangeError(message));
    // The fault was not added.
    expect(device.open()).toBe(0);
  });

  test.each<readonly [unknown, unknown, string]>([
    ["toString", undefined, "RangeError"],
    [["ENOMEM"], undefined, "TypeError"],
    [12, undefined, "TypeError"],
    ["ENOMEM", null, "TypeError"],
    ["ENOMEM", ["open"], "TypeError"],
    ["ENOMEM", "CIOCKEY", "RangeError"],
  ])("refuses the error %j of the call %j", (code, call, name) => {
    const fail = () => new SoftwareDevice().failNext(code as ErrnoName, call as string);
    expect(fail).toThrow(expect.objectContaining({ name }));
  });

  test("accepts an asynchronous call if the device has it", () => {
    expect(() => new SoftwareDevice({ async: true }).failNext("EBUSY", "CIOCASYNCCRYPT")).not.toThrow();
  });
});

describe("SoftwareHost", () => {
  test.each([
    ["async", "true"],
    ["async", 1],
    ["enableStats", {}],
    ["hardware", "no"],
    ["driver", 7],
    ["verbosity", "1"],
    ["verbosity", 3],
    ["verbosity", Number.NaN],
    ["alignmask", "63"],
    ["alignmask", 62],
    ["alignmask", -1],
    ["alignmask", 0x1ffff],
    ["sessions", -1],
    ["sessions", 1.5],
    ["sessions", "10"],
    ["log", "console"],
    ["onUsage", {}],
    ["machine", "x64"],
    ["machine", {}],
    ["path", 7],
    ["descriptors", "10"],
    ["descriptors", -1],
    ["descriptors", 2 ** 40],
  ])("refuses the option %s of %j", (name, value) => {
    expect(() => new SoftwareHost(typed({ [name]: value }))).toThrow(
      expect.objectContaining({
        name: expect.stringMatching(/^(Type|Range)Error$/),
        message: expect.stringContaining(name),
      }),
    );
  });

  test("treats an option that is undefined as one that was not given", () => {
    const names = ["async", "driver", "lacks", "machine", "log", "descriptors", "path", "sessions"];
    expect(() => new SoftwareHost(typed(Object.fromEntries(names.map((name) => [name, undefined]))))).not.toThrow();
  });
});

describe("SoftwareHost with a polluted Object.prototype", () => {
  const polluted = Object.prototype as unknown as Record<string, unknown>;
  const names = ["async", "hardware", "driver", "alignmask", "verbosity", "enableStats", "lacks", "path", "sessions"];
  afterEach(() => {
    for (const name of names) delete polluted[name];
  });

  test("has a device with the default options", () => {
    Object.assign(polluted, {
      async: true,
      hardware: true,
      driver: "evil",
      alignmask: 62,
      verbosity: 2,
      enableStats: true,
      lacks: ["sha1"],
      path: "/dev/null",
      sessions: 0,
    });
    const host = new SoftwareHost({});
    const { async, hardware, driver, alignmask, verbosity, enableStats, lacks } = host.device;
    expect({ async, hardware, driver, alignmask, verbosity, enableStats, lacks: [...lacks] }).toEqual({
      async: false,
      hardware: false,
      driver: "software",
      alignmask: 0,
      verbosity: 0,
      enableStats: false,
      lacks: [],
    });
    for (const name of names) delete polluted[name];
    const device = Device.open(host);
    expect(device.hash("sha1").digest(pattern(1))).toHaveLength(20);
    device.close();
  });
});

test("SoftwareDevice with the option sessions refuses one more session of a file with ENOMEM until another ends", () => {
  const host = new SoftwareHost({ sessions: 2 });
  const device = Device.open(host);
  const first = device.hash("sha1");
  device.hmac("sha1", pattern(20));
  const refused = expect.objectContaining({ code: "ENOMEM", ioctl: CIOCGSESSION.name });
  expect(() => device.hash("sha1")).toThrow(refused);
  expect(Device.open(host).hash("sha1").digest(pattern(1))).toHaveLength(20);
  first.close();
  expect(device.hash("sha1").digest(pattern(1))).toHaveLength(20);
  expect(() => device.hash("sha1")).toThrow(refused);
  device.close();
});

test("SoftwareDevice with the option totalSessions refuses one more session of all files with ENOMEM until another ends", () => {
  const host = new SoftwareHost({ totalSessions: 2 });
  const [one, other] = [Device.open(host), Device.open(host)];
  const first = one.hash("sha1");
  one.hash("sha1");
  const refused = expect.objectContaining({ code: "ENOMEM", ioctl: CIOCGSESSION.name });
  expect(() => other.hash("sha1")).toThrow(refused);
  first.close();
  expect(other.hash("sha1").digest(pattern(1))).toHaveLength(20);
  expect(() => one.hash("sha1")).toThrow(refused);
  // Closing a file ends its sessions.
  other.close();
  expect(one.hash("sha1").digest(pattern(1))).toHaveLength(20);
  one.close();
});

test("SoftwareDevice with the option totalJobs refuses one more asynchronous operation of all files with EBUSY until another is fetched", () => {
  const host = new SoftwareHost({ async: true, totalJobs: 2 });
  const [one, other] = [new Replay(host, "/dev/crypto"), new Replay(host, "/dev/crypto")];
  const submit = (run: Replay) =>
    run.send({ ioctl: "CIOCASYNCCRYPT", in: { ses: "s", src: { count: 16 }, dst: 16 }, ret: 0 }).errno;
  const fetch = (run: Replay) => run.send({ ioctl: "CIOCASYNCFETCH", ret: 0 }).errno;
  for (const run of [one, other]) {
    run.send({ ioctl: "CIOCGSESSION", in: { cipher: 16 }, ret: 0, as: "s" });
    expect(submit(run)).toBeUndefined();
  }
  expect([submit(one), submit(other)]).toEqual(["EBUSY", "EBUSY"]);
  expect(fetch(other)).toBeUndefined();
  expect([submit(one), submit(other)]).toEqual([undefined, "EBUSY"]);
  for (const run of [one, one]) expect(fetch(run)).toBeUndefined();
  one.close();
  other.close();
});

test("SoftwareDevice with the option bytes refuses a longer operation with ENOMEM", () => {
  const device = Device.open(new SoftwareHost({ bytes: 64 }));
  const [hash, cipher] = [device.hash("sha1"), device.cipher("aes-cbc", pattern(16))];
  const gcm = device.aead("aes-gcm", pattern(16));
  const [iv, nonce, aad] = [pattern(16), pattern(12), pattern(16)];
  const refused = expect.objectContaining({ code: "ENOMEM" });
  expect(hash.digest(pattern(64))).toHaveLength(20);
  expect(() => hash.digest(pattern(65))).toThrow(refused);
  expect(cipher.encrypt(pattern(64), iv)).toHaveLength(64);
  expect(() => cipher.encrypt(pattern(80), iv)).toThrow(refused);
  expect(gcm.seal(pattern(48), { nonce, aad })).toHaveLength(64);
  expect(() => gcm.seal(pattern(49), { nonce, aad })).toThrow(refused);
  device.close();
});

test("SoftwareDevice with the option totalBytes refuses a long operation with ENOMEM until another has ended", () => {
  const host = new SoftwareHost({ totalBytes: 1.5 * 2 ** 20 });
  const [one, other] = [Device.open(host), Device.open(host)];
  const paused: Slices<number>[] = [];
  host.device.ioctl = (request, address, caller) => {
    const call = host.device.begin(request, address, caller);
    if (typeof call === "number") return call;
    const { done, value } = call.next();
    if (done) return value;
    paused.push(call);
    return 0;
  };
  const data = pattern(2 ** 20);
  const refused = expect.objectContaining({ code: "ENOMEM" });
  one.hash("sha1").digest(data);
  expect(() => other.hash("sha1").digest(data)).toThrow(refused);
  expect(toHex(other.hash("sha1").digest(pattern(3)))).toBe(createHash("sha1").update(pattern(3)).digest("hex"));
  paused.pop()?.return(0);
  other.hash("sha1").digest(data);
  expect(() => one.hash("sha1").digest(data)).toThrow(refused);
});

describe("nearest()", () => {
  test.each([
    ["aes-gcm", "aes-gmc"],
    ["aes-cbc", "ase-cbc"],
    ["sha256", "sha265"],
    ["sha256", "SHA256"],
    [undefined, "sha"],
    [undefined, ""],
    [undefined, "chacha20-poly1305"],
    [undefined, "0123456789abcdef0123456789abcdef"],
  ])("returns %j for %j", (meant, name) => {
    expect(nearest(name, ["aes-cbc", "aes-gcm", "md5", "sha256", "sha512"])).toBe(meant);
  });
});
