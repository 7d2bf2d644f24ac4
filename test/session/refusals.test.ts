import { inspect } from "node:util";
import {
  CIOCCPHASH,
  CIOCCRYPT,
  CIOCFSESSION,
  CIOCGSESSION,
  type CipherName,
  Device,
  errnos,
  type HashName,
  LP64,
  O_CLOEXEC,
  O_RDWR,
  requestNumber,
} from "@cryptodev/core";
import { beforeEach, describe, expect, test } from "vitest";
import { fromHex, pattern } from "../bytes.ts";
import { detach, detached, resizable } from "../memory.ts";
import { RecordingHost } from "../recording_host.ts";
import { collectUntil } from "../runtime.ts";

const key = fromHex("2b7e151628aed2a6abf7158809cf4f3c");
const iv = pattern(16);

/** A view that claims a length other than its own. */
function lying(size: number, claim: number): Uint8Array {
  return Object.defineProperties(pattern(size), { byteLength: { value: claim }, length: { value: claim } });
}

let host: RecordingHost;
let device: Device;
beforeEach(() => {
  host = new RecordingHost();
  device = Device.open(host);
});

/** Expects an error, and no call to the device. */
function refused(call: () => unknown, error: new (message: string) => Error, message: string | RegExp): void {
  const before = host.calls.length;
  expect(call).toThrow(typeof message === "string" ? new error(message) : message);
  expect(call).toThrow(error);
  expect(host.calls.length).toBe(before);
}

describe("bad input is refused before the device is asked:", () => {
  test.each([
    ["aes-cbc", 15, "key for aes-cbc: expected 16, 24 or 32 bytes, got 15"],
    ["aes-cbc", 0, "key for aes-cbc: expected 16, 24 or 32 bytes, got 0"],
    ["aes-128-cbc", 32, "key for aes-128-cbc: expected 16 bytes, got 32"],
    ["aes-256-xts", 32, "key for aes-256-xts: expected 64 bytes, got 32"],
    ["null", 16, "key for null: expected 0 bytes, got 16"],
    ["blowfish-cbc", 3, "key for blowfish-cbc: expected 4 to 56 bytes, got 3"],
    ["3des-cbc", 16, "key for 3des-cbc: expected 24 bytes, got 16"],
  ] as const)("a key for %s of %i bytes", (name, size, message) => {
    refused(() => device.cipher(name, new Uint8Array(size)), RangeError, message);
  });

  test("an HMAC key longer than the driver accepts", () => {
    refused(
      () => device.hmac("sha1", new Uint8Array(513)),
      RangeError,
      "key for hmac-sha1: expected at most 512 bytes, got 513",
    );
  });

  test("an iv of the wrong size, a missing one, and a superfluous one", () => {
    const aes = device.cipher("aes-cbc", key);
    refused(() => aes.encrypt(pattern(16), pattern(8)), RangeError, "iv for aes-cbc: expected 16 bytes, got 8");
    refused(
      () => aes.encrypt(pattern(16)),
      TypeError,
      "iv for aes-cbc: expected 16 bytes, got none; it may be omitted only if the previous operation ended at a block boundary",
    );
    const ecb = device.cipher("aes-ecb", key);
    refused(
      () => ecb.encrypt(pattern(16), iv),
      RangeError,
      "iv for aes-ecb: expected none, as it has no iv; got 16 bytes",
    );
  });

  test("data that is not whole blocks", () => {
    const aes = device.cipher("aes-cbc", key);
    refused(
      () => aes.encrypt(pattern(17), iv),
      RangeError,
      "source for aes-cbc: expected a multiple of 16 bytes, got 17",
    );
  });

  test("a destination that is too short or partly overlaps the source", () => {
    const aes = device.cipher("aes-ctr", key);
    refused(
      () => aes.encryptInto(pattern(32), new Uint8Array(31), iv),
      RangeError,
      "destination for aes-ctr: expected at least 32 bytes, got 31",
    );
    const memory = pattern(64);
    for (const [from, to] of [
      [0, 1],
      [1, 0],
      [0, 31],
    ] as const) {
      refused(
        () => aes.encryptInto(memory.subarray(from, from + 32), memory.subarray(to, to + 32), iv),
        RangeError,
        `destination for aes-ctr: expected the source itself or memory apart from it, got an overlap`,
      );
    }
    const sha = device.hash("sha256");
    refused(
      () => sha.digestInto(new Uint8Array(31)),
      RangeError,
      "destination for sha256: expected at least 32 bytes, got 31",
    );
  });

  test.each([
    ["text", "text" as unknown, "a string; encode it, as new TextEncoder().encode(text) does"],
    ["a number", 42, "42"],
    ["undefined", undefined, "undefined"],
    ["null", null, "null"],
    ["an array", [1, 2, 3], "an Array"],
    ["a buffer", new ArrayBuffer(16), "an ArrayBuffer; wrap it: new Uint8Array(buffer)"],
    [
      "another view",
      new Uint16Array(8),
      "a Uint16Array; wrap it: new Uint8Array(view.buffer, view.byteOffset, view.byteLength)",
    ],
    ["a forgery", Object.create(Uint8Array.prototype), "an Object"],
  ])("a value that is not a Uint8Array: %s", (_name, value, got) => {
    const aes = device.cipher("aes-cbc", key);
    const sha = device.hash("sha1");
    const bytes = value as Uint8Array;
    refused(() => aes.encrypt(bytes, iv), TypeError, `source for aes-cbc: expected a Uint8Array, got ${got}`);
    refused(
      () => aes.encryptInto(pattern(16), bytes, iv),
      TypeError,
      `destination for aes-cbc: expected a Uint8Array, got ${got}`,
    );
    refused(() => device.cipher("aes-cbc", bytes), TypeError, `key for aes-cbc: expected a Uint8Array, got ${got}`);
    if (value !== undefined) {
      refused(() => aes.encrypt(pattern(16), bytes), TypeError, `iv for aes-cbc: expected a Uint8Array, got ${got}`);
      refused(() => sha.digest(bytes), TypeError, `data for sha1: expected a Uint8Array, got ${got}`);
    }
  });

  test("a detached buffer", () => {
    const gone =
      "its memory is gone: the ArrayBuffer was detached, by a transfer to another thread or by transfer(), or shrank";
    const aes = device.cipher("aes-cbc", key);
    refused(() => aes.encrypt(detached(16), iv), TypeError, `source for aes-cbc: ${gone}`);
    refused(() => aes.encryptInto(pattern(16), detached(16), iv), TypeError, `destination for aes-cbc: ${gone}`);
    refused(() => aes.encrypt(pattern(16), detached(16)), TypeError, `iv for aes-cbc: ${gone}`);
    refused(() => device.cipher("aes-cbc", detached(16)), TypeError, `key for aes-cbc: ${gone}`);
  });

  test("a buffer that was detached after its first use", () => {
    const aes = device.cipher("aes-cbc", key);
    const source = pattern(16);
    aes.encrypt(source, iv);
    detach(source);
    expect(() => aes.encrypt(source, iv)).toThrow(TypeError);
  });

  test("a resizable buffer that shrank after its first use", () => {
    const aes = device.cipher("aes-cbc", key);
    const buffer = resizable(64, 64);
    const destination = new Uint8Array(buffer);
    aes.encryptInto(pattern(64), destination, iv);
    buffer.resize(32);
    refused(
      () => aes.encryptInto(pattern(64), destination, iv),
      RangeError,
      "destination for aes-cbc: expected at least 64 bytes, got 32",
    );
  });

  test("a value that is not a Uint8Array, with its role, in every kind of session", () => {
    const none = "none" as unknown as Uint8Array;
    const [gcm, combined] = [device.aead("aes-gcm", key), device.combined("aes-cbc", key, "sha1")];
    const tls = device.tls("aes-cbc", key, "hmac-sha1", key);
    const srtp = device.srtp("aes-ctr", key, "hmac-sha1", key);
    const sha = device.hash("sha1");
    const [nonce, header] = [pattern(12), pattern(13)];
    for (const [name, call] of [
      ["source for aes-gcm", () => gcm.seal(none, nonce)],
      ["source for aes-gcm", () => gcm.sealInto(none, pattern(32), nonce)],
      ["destination for aes-gcm", () => gcm.sealInto(pattern(16), none, nonce)],
      ["nonce for aes-gcm", () => gcm.seal(pattern(16), none)],
      ["aad for aes-gcm", () => gcm.seal(pattern(16), nonce, none)],
      ["source for aes-gcm", () => gcm.open(none, nonce)],
      ["source for aes-gcm", () => gcm.decrypt(none, pattern(16), nonce)],
      ["tag for aes-gcm", () => gcm.decrypt(pattern(16), none, nonce)],
      ["mac for sha1", () => combined.encryptInto(pattern(16), pattern(16), none, iv)],
      ["mac for sha1", () => combined.decrypt(pattern(16), none, iv)],
      ["fragment for aes-cbc", () => tls.seal(none, header, iv)],
      ["memory for aes-cbc", () => tls.sealInPlace(none, 1, header, iv)],
      ["header for aes-cbc", () => tls.seal(pattern(1), none, iv)],
      ["record for aes-cbc", () => tls.open(none, header, iv)],
      ["record for aes-cbc", () => tls.openInPlace(none, header, iv)],
      ["packet for aes-ctr", () => srtp.seal(none, 12, iv)],
      ["packet for aes-ctr", () => srtp.sealInPlace(none, 12, iv)],
      ["packet for aes-ctr", () => srtp.open(none, 12, iv)],
      ["data for sha1", () => sha.update(none)],
      ["data for aes-cbc", () => device.cipher("aes-cbc", key).encryptor(iv).update(none)],
    ] as const) {
      expect(call).toThrow(
        new TypeError(
          `${name}: expected a Uint8Array, got a string; encode it, as new TextEncoder().encode(text) does`,
        ),
      );
    }
    for (const call of [
      () => tls.seal(pattern(1), header, undefined as unknown as Uint8Array),
      () => srtp.seal(pattern(20), 12, undefined as unknown as Uint8Array),
    ]) {
      expect(call).toThrow(/^iv for aes-c\w+: expected 16 bytes, got none/);
    }
  });

  test("sizes just beyond each limit; those at the limit are accepted", () => {
    expect(device.hmac("sha1", new Uint8Array(512)).name).toBe("hmac-sha1");
    const gcm = device.aead("aes-gcm", key);
    expect(gcm.seal(pattern(1), pattern(12), new Uint8Array(4096))).toHaveLength(17);
    refused(
      () => gcm.seal(pattern(1), pattern(12), new Uint8Array(4097)),
      RangeError,
      "aad for aes-gcm: expected at most 4096 bytes, got 4097",
    );
    // SP 800-38C: a nonce of 13 bytes leaves 2 bytes for the length of the message.
    const ccm = device.aead("aes-ccm", key);
    const sealed = ccm.seal(new Uint8Array(65535), pattern(13));
    expect(ccm.open(sealed, pattern(13))).toHaveLength(65535);
    refused(
      () => ccm.open(new Uint8Array(65552), pattern(13)),
      RangeError,
      "source for aes-ccm: expected at most 65535 bytes with a nonce of 13 bytes, got 65536",
    );
    const srtp = device.srtp("aes-ctr", key, "hmac-sha1", key, { tagSize: 1 });
    expect(srtp.seal(pattern(13), 12, iv)).toHaveLength(14);
    refused(
      () => device.srtp("aes-ctr", key, "hmac-sha1", key, { tagSize: 21 }),
      RangeError,
      "tag size for hmac-sha1: expected 1 to 20 bytes, got 21",
    );
    const tls = device.tls("aes-cbc", key, "hmac-sha1", key);
    expect(tls.sealInPlace(new Uint8Array(tls.overhead), 0, pattern(13), iv)).toBe(32);
    refused(
      () => tls.sealInPlace(pattern(99), -1, pattern(13), iv),
      RangeError,
      "fragment for aes-cbc: expected a number of bytes, got -1",
    );
    refused(
      () => tls.open(new Uint8Array(), pattern(13), iv),
      RangeError,
      "record for aes-cbc: expected at least 16 bytes, got 0",
    );
    refused(() => srtp.seal(pattern(12), 12, iv), RangeError, "packet for aes-ctr: expected at least 14 bytes, got 13");
    refused(() => device.allocate(-1), RangeError, "size: expected a number of bytes, got -1");
    refused(() => device.allocate(1, 62), RangeError, "alignmask: expected one less than a power of two, got 62");
  });

  test("unknown padding, and padding for a cipher without blocks", () => {
    const [aes, ctr] = [device.cipher("aes-cbc", key), device.cipher("aes-ctr", key)];
    refused(
      () => aes.encryptor(iv, { padding: "pcks7" as "none" }),
      RangeError,
      'padding for aes-cbc: expected "pkcs7" or "none", got "pcks7"',
    );
    refused(
      () => ctr.encryptor(iv, { padding: "pkcs7" }),
      RangeError,
      'padding for aes-ctr: expected "none", as it takes any number of bytes',
    );
  });

  test("a view that overrides its length: only the real length counts", () => {
    const aes = device.cipher("aes-cbc", key);
    refused(
      () => aes.encryptInto(pattern(64), lying(16, 64), iv),
      RangeError,
      "destination for aes-cbc: expected at least 64 bytes, got 16",
    );
    expect(aes.encrypt(lying(32, 64), iv)).toHaveLength(32);
    refused(
      () => device.cipher("aes-cbc", lying(8, 16)),
      RangeError,
      "key for aes-cbc: expected 16, 24 or 32 bytes, got 8",
    );
  });

  test("a view that is out of bounds since its buffer shrank, even if the argument may be omitted", () => {
    const buffer = resizable(64, 64);
    const view = new Uint8Array(buffer, 32, 16);
    const hash = device.hash("sha256");
    // Often enough for an optimizing compiler: Bun's once removed the check.
    for (let round = 0; round < 30_000; round += 1) hash.update(new Uint8Array(round % 2));
    hash.digest();
    buffer.resize(16);
    refused(() => device.hmac("sha256", view), TypeError, /memory is gone/);
    refused(() => hash.digest(view), TypeError, /memory is gone/);
  });

  test("a key that overrides its length: the kernel receives the real length", () => {
    device.hmac("sha256", lying(16, 24));
    device.cipher("aes-cbc", lying(16, 24));
    const starts = host.calls.filter(({ request }) => request === requestNumber(CIOCGSESSION, LP64));
    const lengths = starts.map(({ bytes }) => [8, 24].map((at) => new DataView(bytes.buffer).getUint32(at, true)));
    expect(lengths).toEqual([
      [0, 16],
      [16, 0],
    ]);
  });

  test("a result too short for the algorithm, even if the session's properties were redefined", () => {
    const hash = device.hash("sha512");
    const combined = device.combined("aes-cbc", key, "sha1");
    Object.defineProperties(hash, { digestSize: { value: 1 }, name: { get: () => detached(1) && "" } });
    Object.defineProperty(combined, "macSize", { value: 1 });
    refused(
      () => hash.digestInto(new Uint8Array(1)),
      RangeError,
      "destination for sha512: expected at least 64 bytes, got 1",
    );
    refused(
      () => combined.encryptInto(pattern(16), new Uint8Array(16), new Uint8Array(1), iv),
      RangeError,
      "mac for sha1: expected at least 20 bytes, got 1",
    );
  });

  test("keys in the place of names, which are not repeated", () => {
    const secret = fromHex("c0ffee00c0ffee11c0ffee22c0ffee33");
    const swapped = () => device.cipher(secret as unknown as CipherName, "aes-cbc" as unknown as Uint8Array);
    expect(swapped).toThrow(/; got a Uint8Array$/);
    expect(() => device.cipher("correct horse battery staple" as CipherName, key)).toThrow(/; got a string$/);
    expect(() => device.cipher(Object.create(null), key)).toThrow(/; got an Object$/);
  });

  test("unknown algorithms, and those that CIOCCRYPT does not support", () => {
    expect(() => device.cipher("aes-gcm" as CipherName, key)).toThrow(
      /^cipher: expected one of .*aes-cbc.*; got "aes-gcm", which is an AEAD: use device.aead\(\)$/,
    );
    expect(() => device.cipher("arc4" as CipherName, key)).toThrow(RangeError);
    expect(() => device.cipher(undefined as unknown as CipherName, key)).toThrow(/got undefined$/);
    expect(() => device.hash("hmac-sha1" as HashName)).toThrow(
      /^hash: expected one of md5, sha1, .*; got "hmac-sha1"$/,
    );
    expect(() => device.hash("toString" as HashName)).toThrow(RangeError);
    expect(host.calls).toHaveLength(0);
  });
});

describe("after close(),", () => {
  test("a session refuses operations with a ClosedError, and a second close() has no effect", () => {
    const aes = device.cipher("aes-cbc", key);
    const sha = device.hash("sha256");
    aes.close();
    sha.close();
    expect(aes.closed).toBe(true);
    const other = device.cipher("aes-cbc", key);
    other[Symbol.dispose]();
    expect(other.closed).toBe(true);
    const chunks = device.cipher("aes-cbc", key).encryptor(iv);
    chunks.final();
    expect(() => chunks.final()).toThrow(/^data for aes-cbc: final\(\) has ended it$/);
    const before = host.calls.length;
    aes.close();
    aes[Symbol.dispose]();
    const closed = { name: "ClosedError", message: "aes-cbc session: it was closed" };
    expect(() => aes.encrypt(pattern(16), iv)).toThrow(expect.objectContaining(closed));
    expect(() => aes.info()).toThrow(expect.objectContaining(closed));
    expect(() => sha.update(pattern(1))).toThrow(expect.objectContaining({ name: "ClosedError" }));
    expect(() => sha.update(new Uint8Array())).toThrow(expect.objectContaining({ name: "ClosedError" }));
    expect(() => sha.digest()).toThrow(expect.objectContaining({ name: "ClosedError" }));
    expect(host.calls.length).toBe(before);
  });

  test("a device has ended its sessions, and refuses new ones with a ClosedError", () => {
    const aes = device.cipher("aes-cbc", key);
    device.close();
    device.close();
    expect(host.closed).toHaveLength(1);
    expect([device.closed, aes.closed]).toEqual([true, true]);
    const before = host.calls.length;
    aes.close();
    expect(() => aes.encrypt(pattern(16), iv)).toThrow(
      expect.objectContaining({ name: "ClosedError", message: "aes-cbc session: its device was closed" }),
    );
    expect(() => device.cipher("aes-cbc", key)).toThrow(
      expect.objectContaining({ name: "ClosedError", message: "/dev/crypto: the device was closed" }),
    );
    expect(() => device.clone()).toThrow(expect.objectContaining({ name: "ClosedError" }));
    expect(host.calls.length).toBe(before);
  });
});

describe("if the kernel refuses", () => {
  test("an algorithm, the error says where to look", () => {
    const bare = new RecordingHost();
    const other = Device.open(bare);
    bare.answers.push(-errnos.EINVAL);
    const attempt = () => other.cipher("aes-cbc", key);
    expect(attempt).toThrow(
      expect.objectContaining({
        name: "CryptodevError",
        code: "EINVAL",
        errno: 22,
        syscall: "ioctl",
        ioctl: "CIOCGSESSION",
        path: "/dev/crypto",
      }),
    );
    bare.answers.push(-errnos.EINVAL);
    expect(attempt).toThrow(
      /^CIOCGSESSION \/dev\/crypto: EINVAL, the device cannot start aes-cbc\. Either it has no cbc\(aes\) \(\/proc\/crypto/,
    );
    bare.answers.push(-errnos.ENOMEM);
    expect(attempt).toThrow(/^CIOCGSESSION \/dev\/crypto: ENOMEM, the kernel is out of memory$/);
  });

  test.each([
    ["ENOENT", /modprobe cryptodev.*backend: "software".*CRYPTODEV_BACKEND=software/],
    ["ENXIO", /modprobe cryptodev/],
    ["EACCES", /ls -l.*MODE="0666"/],
    ["EMFILE", /no descriptor left/],
  ] as const)("to open the device with %s, the error says what to do", (code, message) => {
    const failing = new RecordingHost();
    failing.open = () => -errnos[code];
    const attempt = () => Device.open(failing);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code, syscall: "open", ioctl: undefined, path: "/dev/crypto" }));
  });

  test("an operation in place, the source of an encryption is unchanged, and unverified plaintext is wiped", () => {
    const gcm = device.aead("aes-gcm", key);
    const combined = device.combined("aes-cbc", key, "sha1");
    const tls = device.tls("aes-cbc", key, "hmac-sha1", key);
    const [memory, mac] = [pattern(128), new Uint8Array(20)];
    const failed = expect.objectContaining({ code: "ENOMEM" });
    const fail = (call: () => unknown) => {
      host.answers.push(-errnos.ENOMEM);
      expect(call).toThrow(failed);
    };
    fail(() => gcm.sealInto(memory.subarray(0, 64), memory, pattern(12)));
    fail(() => combined.encryptInto(memory, memory, mac, iv));
    fail(() => tls.sealInPlace(memory, 64, pattern(13), iv));
    expect(memory).toEqual(pattern(128));
    fail(() => gcm.openInto(memory.subarray(0, 64), memory, pattern(12)));
    fail(() => combined.decryptInto(memory.subarray(64, 96), memory.subarray(96), mac, iv));
    expect(memory.subarray(0, 64)).toEqual(new Uint8Array(64));
    expect(memory.subarray(64, 96)).toEqual(pattern(128).subarray(64, 96));
    expect(memory.subarray(96)).toEqual(new Uint8Array(32));
  });

  test("a record or packet with EINVAL before reading it, the record stays as it was, in place and elsewhere", () => {
    const messages: readonly (readonly [Uint8Array, (memory: Uint8Array) => unknown])[] = [
      [pattern(64), (memory) => device.tls("aes-cbc", key, "hmac-sha1", key).openInPlace(memory, pattern(13), iv)],
      [pattern(60), (memory) => device.srtp("aes-ctr", key, "hmac-sha1", key).openInPlace(memory, 12, iv)],
      [pattern(50), (memory) => device.aead("aes-gcm", key).openInto(memory, memory, pattern(12))],
      [pattern(17), (memory) => device.aead("aes-ccm", key).openInto(memory, memory, pattern(12))],
      [pattern(50), (memory) => device.aead("aes-gcm", key).openInto(pattern(50, 9), memory, pattern(12))],
    ];
    for (const [memory, open] of messages) {
      const before = memory.slice();
      host.device.failNext("EINVAL", "CIOCAUTHCRYPT");
      expect(() => open(memory)).toThrow(expect.objectContaining({ code: "EINVAL", ioctl: "CIOCAUTHCRYPT" }));
      expect(memory).toEqual(before);
    }
  });

  test("to open a record or packet for a reason other than a forgery, the error reports that reason, and the memory is wiped", () => {
    const tls = device.tls("aes-cbc", key, "hmac-sha1", key);
    const srtp = device.srtp("aes-ctr", key, "hmac-sha1", key, { tagSize: 10 });
    const [record, packet] = [pattern(64), pattern(50)];
    host.answers.push(-errnos.ENOMEM);
    expect(() => tls.openInPlace(record, pattern(13), iv)).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    expect(record).toEqual(new Uint8Array(64));
    host.answers.push(-errnos.ENOMEM);
    expect(() => srtp.openInPlace(packet, 12, iv)).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    expect(packet.subarray(0, 12)).toEqual(pattern(12));
    expect(packet.subarray(12, 40)).toEqual(new Uint8Array(28));
    expect(packet.subarray(40)).toEqual(pattern(50).subarray(40));
    host.answers.push(-errnos.ENOMEM);
    const unsealed = pattern(50);
    expect(() => srtp.sealInPlace(unsealed, 12, iv)).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    expect(unsealed).toEqual(pattern(50));
  });

  test("an algorithm, the error names it as the kernel does", () => {
    for (const [names, start] of [
      ["aes-gcm. Either it has no gcm(aes) ", () => device.aead("aes-gcm", key)],
      ["sha1. Either it has no sha1 ", () => device.hash("sha1")],
      [
        "aes-cbc with hmac-sha1. Either it has no cbc(aes) or hmac(sha1) ",
        () => device.combined("aes-cbc", key, "hmac-sha1", key),
      ],
      [
        "tls with aes-cbc and hmac-sha1. Either it has no cbc(aes) or hmac(sha1) ",
        () => device.tls("aes-cbc", key, "hmac-sha1", key),
      ],
      [
        "srtp with aes-ctr and hmac-sha1. Either it has no ctr(aes) or hmac(sha1) ",
        () => device.srtp("aes-ctr", key, "hmac-sha1", key),
      ],
    ] as const) {
      host.answers.push(-errnos.EINVAL);
      expect(start).toThrow(`the device cannot start ${names}`);
    }
  });

  test("an algorithm that newer kernels dropped, the error names the release, and does not suggest a kernel configuration", () => {
    host.device.lacks.add("aes-cfb").add("aes-ofb");
    for (const [name, message] of [
      [
        "aes-cfb",
        "the device cannot start aes-cfb. Linux 6.8 and newer no longer have cfb(aes); an older kernel may need a module for cfb(aes) (/proc/crypto lists what the kernel has)",
      ],
      ["aes-256-ofb", "the device cannot start aes-256-ofb. Linux 6.8 and newer no longer have ofb(aes); "],
    ] as const) {
      const start = () => device.cipher(name, pattern(32));
      expect(start).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringContaining(message) }));
      expect(start).toThrow(expect.objectContaining({ message: expect.not.stringMatching(/CONFIG_|built without/) }));
    }
    expect(() => device.combined("aes-cfb", key, "hmac-sha1", key)).toThrow(
      "the device cannot start aes-cfb with hmac-sha1. Linux 6.8 and newer no longer have cfb(aes); an older kernel may need a module for cfb(aes) or hmac(sha1) ",
    );
    host.device.lacks.clear();
  });

  test("to copy a hash, the copy's session is ended, and the message continues", () => {
    const sha = device.hash("sha1").update(pattern(3));
    const before = host.calls.length;
    host.device.failNext("ENOMEM", "CIOCCPHASH");
    expect(() => sha.copy()).toThrow(expect.objectContaining({ code: "ENOMEM", ioctl: "CIOCCPHASH" }));
    const requests = host.calls.slice(before).map(({ request }) => request);
    expect(requests).toEqual([CIOCGSESSION, CIOCCPHASH, CIOCFSESSION].map((ioctl) => requestNumber(ioctl, LP64)));
    expect(sha.digest()).toEqual(device.hash("sha1").digest(pattern(3)));
  });

  test("with an unnamed error number, the error has that number", () => {
    const aes = device.cipher("aes-cbc", key);
    host.answers.push(-133);
    expect(() => aes.encrypt(pattern(16), iv)).toThrow(
      expect.objectContaining({ code: "E133", errno: 133, ioctl: "CIOCCRYPT" }),
    );
  });

  test("an operation, the next one requires an iv, because the kernel's iv is unknown", () => {
    const aes = device.cipher("aes-cbc", key);
    aes.encrypt(pattern(16), iv);
    host.answers.push(-errnos.ENOMEM);
    expect(() => aes.encrypt(pattern(16))).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    expect(() => aes.encrypt(pattern(16))).toThrow(TypeError);
    expect(aes.encrypt(pattern(16), iv)).toHaveLength(16);
  });

  test("a part of a message, the hash session is closed, because a digest without that part would be wrong", () => {
    const sha = device.hash("sha256");
    sha.update(pattern(10));
    host.answers.push(-errnos.ENOMEM);
    expect(() => sha.update(pattern(10))).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    expect(sha.closed).toBe(true);
    expect(() => sha.digest()).toThrow(/the kernel refused a part of its message$/);
  });

  test("to write all of CIOCGSESSINFO's result, the number of missing bytes becomes EFAULT", () => {
    const aes = device.cipher("aes-cbc", key);
    host.answers.push(268);
    expect(() => aes.info()).toThrow(expect.objectContaining({ code: "EFAULT", ioctl: "CIOCGSESSINFO" }));
    host.answers.push(268);
    expect(() => aes.info()).toThrow(/EFAULT, the answer could not be written$/);
  });

  test("CRIOGET for lack of a descriptor, which returns 0 and stores the error, clone() throws EMFILE", () => {
    const narrow = new RecordingHost({ descriptors: 1 });
    const only = Device.open(narrow);
    expect(() => only.clone()).toThrow(expect.objectContaining({ code: "EMFILE", ioctl: "CRIOGET" }));
  });

  test("a path that no system call accepts, open() throws a TypeError without asking it", () => {
    expect(() => Device.open(host, "/dev/\0crypto")).toThrow(TypeError);
    expect(() => Device.open(host, 3 as unknown as string)).toThrow(
      new TypeError("path of the device: expected a string without zero characters, got 3"),
    );
  });
});

describe("a key", () => {
  test("is not copied, and is released as soon as the kernel has it", async () => {
    let collected = false;
    const registry = new FinalizationRegistry<undefined>(() => {
      collected = true;
    });
    const aes = (() => {
      const secret = pattern(16, 77);
      registry.register(secret, undefined);
      return device.cipher("aes-cbc", secret);
    })();
    await collectUntil(() => collected);
    expect(collected).toBe(true);
    expect(aes.closed).toBe(false);
  });

  test("does not occur in any error", () => {
    const secret = fromHex("c0ffee00c0ffee11c0ffee22c0ffee33");
    host.answers.push(-errnos.EINVAL);
    const errors: unknown[] = [];
    try {
      device.cipher("aes-cbc", secret);
    } catch (error) {
      errors.push(error);
    }
    expect(errors).toHaveLength(1);
    expect(inspect(errors, { depth: 9, showHidden: true })).not.toMatch(/c0 ?ff ?ee|192, ?255, ?238/i);
  });
});

describe("the library", () => {
  test("opens the device with O_CLOEXEC", () => {
    expect(host.opened).toEqual([["/dev/crypto", O_RDWR | O_CLOEXEC]]);
  });

  test("never sends a NULL pointer together with a length", () => {
    const aes = device.cipher("aes-cbc", key);
    aes.encrypt(pattern(32), iv);
    aes.encrypt(new Uint8Array(), iv);
    const at = { len: 8, src: 16, dst: 24 };
    const crypts = host.calls.filter(({ request }) => request === requestNumber(CIOCCRYPT, LP64));
    expect(crypts).toHaveLength(2);
    for (const { bytes } of crypts) {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const isNull = view.getUint32(at.len, true) === 0;
      expect(view.getBigUint64(at.src, true) === 0n).toBe(isNull);
      expect(view.getBigUint64(at.dst, true) === 0n).toBe(isNull);
    }
  });
});
