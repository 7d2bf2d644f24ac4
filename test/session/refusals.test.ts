import { inspect } from "node:util";
import { type CipherName, ClosedError, Device, type HashName } from "@cryptodev/core";
import {
  CIOCCPHASH,
  CIOCCRYPT,
  CIOCFSESSION,
  CIOCGSESSION,
  errnos,
  LP64,
  O_CLOEXEC,
  O_RDWR,
  requestNumber,
} from "@cryptodev/core/abi";
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

const startTls = () => device.tls({ cipher: "aes-cbc", key, mac: "hmac-sha1", macKey: key });
const startSrtp = (tagSize?: number) => device.srtp({ cipher: "aes-ctr", key, mac: "hmac-sha1", macKey: key, tagSize });
const startWithMac = (mac: "sha1" | "hmac-sha1" = "sha1", macKey?: Uint8Array) =>
  device.cipherWithMac({ cipher: "aes-cbc", key, mac, macKey });

/** Expects an error, and no call to the device. */
function refused(call: () => unknown, error: new (message: string) => Error, message: string | RegExp): void {
  const before = host.calls.length;
  expect(call).toThrow(typeof message === "string" ? new error(message) : message);
  expect(call).toThrow(error);
  expect(host.calls.length).toBe(before);
}

describe("bad arguments are refused before anything is sent:", () => {
  test.each([
    ["aes-cbc", 15, "key for aes-cbc: expected 16, 24 or 32 bytes, got 15"],
    ["aes-cbc", 0, "key for aes-cbc: expected 16, 24 or 32 bytes, got 0"],
    ["aes-128-cbc", 24, "key for aes-128-cbc: expected 16 bytes, got 24"],
    ["aes-256-xts", 32, "key for aes-256-xts: expected 64 bytes, got 32"],
    ["null", 16, "key for null: expected 0 bytes, got 16"],
    ["blowfish-cbc", 3, "key for blowfish-cbc: expected 4 to 56 bytes, got 3"],
    ["3des-cbc", 16, "key for 3des-cbc: expected 24 bytes, got 16"],
  ] as const)("Device.cipher() refuses a key for %s of %i bytes", (name, size, message) => {
    refused(() => device.cipher(name, new Uint8Array(size)), RangeError, message);
  });

  test("Device.hmac() refuses a key longer than the driver accepts", () => {
    refused(
      () => device.hmac("sha1", new Uint8Array(513)),
      RangeError,
      "key for hmac-sha1: expected at most 512 bytes, got 513",
    );
  });

  test("Cipher.encrypt() refuses an iv of the wrong size, a missing one, and a superfluous one", () => {
    const aes = device.cipher("aes-cbc", key);
    refused(() => aes.encrypt(pattern(16), pattern(8)), RangeError, "iv for aes-cbc: expected 16 bytes, got 8");
    refused(
      () => aes.encrypt(pattern(16), ...([] as unknown as [Uint8Array])),
      TypeError,
      "iv for aes-cbc: expected 16 bytes, got none",
    );
    const ecb = device.cipher<CipherName>("aes-ecb", key);
    refused(
      () => ecb.encrypt(pattern(16), iv),
      RangeError,
      "iv for aes-ecb: expected none, as it has no iv; got a Uint8Array",
    );
  });

  test("Cipher.encrypt() refuses a source that is not whole blocks", () => {
    const aes = device.cipher("aes-cbc", key);
    refused(
      () => aes.encrypt(pattern(17), iv),
      RangeError,
      "source for aes-cbc: expected a multiple of 16 bytes, got 17",
    );
  });

  test("Cipher.encryptInto() refuses a destination that is too short or partly overlaps the source", () => {
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
  ])("sessions refuse a value that is not a Uint8Array: %s", (_name, value, got) => {
    const aes = device.cipher("aes-cbc", key);
    const sha = device.hash("sha1");
    const bytes = value as Uint8Array;
    refused(() => aes.encrypt(bytes, iv), TypeError, `source for aes-cbc: expected a Uint8Array, got ${got}`);
    refused(
      () => aes.encryptInto(pattern(16), bytes, iv),
      TypeError,
      `destination for aes-cbc: expected a Uint8Array, got ${got}`,
    );
    // Keys and ivs are kept in hex more often than as other text.
    const kept = got.replace(
      "encode it",
      'decode hex as Buffer.from(text, "hex") does. If it is other text, encode it',
    );
    refused(() => device.cipher("aes-cbc", bytes), TypeError, `key for aes-cbc: expected a Uint8Array, got ${kept}`);
    if (value !== undefined) {
      refused(() => aes.encrypt(pattern(16), bytes), TypeError, `iv for aes-cbc: expected a Uint8Array, got ${kept}`);
      refused(() => sha.digest(bytes), TypeError, `data for sha1: expected a Uint8Array, got ${got}`);
    }
  });

  test("Hash.digest() refuses an encoding, and says how to turn the result into text", () => {
    const sha = device.hash("sha1");
    refused(
      () => sha.digest("hex" as unknown as Uint8Array),
      TypeError,
      'data for sha1: expected a Uint8Array, got a string; results are bytes, and Buffer.from(result).toString("hex") is their text',
    );
  });

  test("sessions refuse bytes that are twice as long, as the text of bytes in hex is, and say how to decode it", () => {
    const decode = '; if it is the text of bytes in hex, decode it: Buffer.from(text, "hex")';
    const text = new TextEncoder().encode("00".repeat(32));
    refused(
      () => device.cipher("aes-256-cbc", text),
      RangeError,
      `key for aes-256-cbc: expected 32 bytes, got 64${decode}`,
    );
    const aes = device.cipher("aes-cbc", key);
    refused(
      () => aes.encrypt(pattern(64), text.subarray(32)),
      RangeError,
      `iv for aes-cbc: expected 16 bytes, got 32${decode}`,
    );
    const hmac = device.hmac("sha256", key);
    refused(() => hmac.verify(pattern(1), text), RangeError, `mac for hmac-sha256: expected 32 bytes, got 64${decode}`);
  });

  test("sessions name the order of parameters that were swapped, if their sizes show it", () => {
    const aes = device.cipher("aes-cbc", key);
    refused(
      () => aes.encrypt(iv, pattern(64)),
      RangeError,
      "iv for aes-cbc: expected 16 bytes, got 64; the order is source, iv",
    );
    refused(
      () => aes.encryptInto(pattern(64), iv, new Uint8Array(64)),
      RangeError,
      "iv for aes-cbc: expected 16 bytes, got 64; the order is source, destination, iv",
    );
    const hmac = device.hmac("sha256", key);
    refused(
      () => hmac.verify(pattern(32), pattern(5)),
      RangeError,
      "mac for hmac-sha256: expected 32 bytes, got 5; the order is data, mac",
    );
    const gcm = device.aead("aes-gcm", key);
    refused(
      () => gcm.seal(pattern(5), pattern(12) as object),
      TypeError,
      "nonce for aes-gcm: expected a Uint8Array, got none; pass it by name: { nonce }",
    );
  });

  test("sessions refuse a detached buffer", () => {
    const gone =
      "its memory is gone: the ArrayBuffer was detached, by a transfer to another thread or by transfer(), or shrank";
    const aes = device.cipher("aes-cbc", key);
    refused(() => aes.encrypt(detached(16), iv), TypeError, `source for aes-cbc: ${gone}`);
    refused(() => aes.encryptInto(pattern(16), detached(16), iv), TypeError, `destination for aes-cbc: ${gone}`);
    refused(() => aes.encrypt(pattern(16), detached(16)), TypeError, `iv for aes-cbc: ${gone}`);
    refused(() => device.cipher("aes-cbc", detached(16)), TypeError, `key for aes-cbc: ${gone}`);
  });

  test("Cipher.encrypt() refuses a buffer that was detached after its first use", () => {
    const aes = device.cipher("aes-cbc", key);
    const source = pattern(16);
    aes.encrypt(source, iv);
    detach(source);
    expect(() => aes.encrypt(source, iv)).toThrow(TypeError);
  });

  test("Cipher.encryptInto() refuses a resizable buffer that shrank after its first use", () => {
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

  test("every kind of session names the argument that is not a Uint8Array", () => {
    const none = "none" as unknown as Uint8Array;
    const [gcm, withMac, tls, srtp] = [device.aead("aes-gcm", key), startWithMac(), startTls(), startSrtp()];
    const managed = device.aead("aes-gcm", key, { managedNonce: true });
    const [sha, hmac] = [device.hash("sha1"), device.hmac("sha1", key)];
    const [nonce, header, headerSize] = [pattern(12), pattern(13), 12];
    for (const [name, call] of [
      ["source for aes-gcm", () => gcm.seal(none, { nonce })],
      ["source for aes-gcm", () => gcm.sealInto(none, pattern(32), { nonce })],
      ["destination for aes-gcm", () => gcm.sealInto(pattern(16), none, { nonce })],
      ["nonce for aes-gcm", () => gcm.seal(pattern(16), { nonce: none })],
      ["aad for aes-gcm", () => gcm.seal(pattern(16), { nonce, aad: none })],
      ["source for aes-gcm", () => gcm.open(none, { nonce })],
      ["source for aes-gcm", () => gcm.open(none, { nonce, tag: pattern(16) })],
      ["tag for aes-gcm", () => gcm.open(pattern(16), { nonce, tag: none })],
      ["source for aes-gcm", () => managed.seal(none)],
      ["destination for aes-gcm", () => managed.sealInto(pattern(16), none)],
      ["source for aes-gcm", () => managed.open(none)],
      ["destination for aes-gcm", () => managed.openInto(pattern(44), none)],
      ["aad for aes-gcm", () => managed.seal(pattern(16), { aad: none })],
      ["source for aes-cbc", () => withMac.encrypt(none, { iv })],
      ["mac for sha1", () => withMac.encryptInto(pattern(16), pattern(16), { mac: none, iv })],
      ["mac for sha1", () => withMac.decrypt(pattern(16), { mac: none, iv })],
      ["iv for aes-cbc", () => withMac.encrypt(pattern(16), { iv: none })],
      ["fragment for aes-cbc", () => tls.seal(none, { header, iv })],
      ["fragment for aes-cbc", () => tls.sealInto(none, pattern(99), { header, iv })],
      ["destination for aes-cbc", () => tls.sealInto(pattern(1), none, { header, iv })],
      ["header for aes-cbc", () => tls.seal(pattern(1), { header: none, iv })],
      ["record for aes-cbc", () => tls.open(none, { header, iv })],
      ["record for aes-cbc", () => tls.openInto(none, pattern(32), { header, iv })],
      ["destination for aes-cbc", () => tls.openInto(pattern(32), none, { header, iv })],
      ["packet for aes-ctr", () => srtp.seal(none, { headerSize, iv })],
      ["packet for aes-ctr", () => srtp.sealInto(none, pattern(99), { headerSize, iv })],
      ["destination for aes-ctr", () => srtp.sealInto(pattern(60), none, { headerSize, iv })],
      ["packet for aes-ctr", () => srtp.open(none, { headerSize, iv })],
      ["packet for aes-ctr", () => srtp.openInto(none, pattern(99), { headerSize, iv })],
      ["data for sha1", () => sha.update(none)],
      ["data for hmac-sha1", () => hmac.verify(none, pattern(20))],
      ["mac for hmac-sha1", () => hmac.verify(pattern(1), none)],
      ["key for hmac-sha1", () => hmac.copy(none)],
      ["data for aes-cbc", () => device.cipher("aes-cbc", key).encryptor(iv).update(none)],
    ] as const) {
      const encode = "encode it, as new TextEncoder().encode(text) does";
      const isKept = /^(key|iv|nonce|tag|mac) /.test(name);
      const remedy = isKept ? `decode hex as Buffer.from(text, "hex") does. If it is other text, ${encode}` : encode;
      expect(call).toThrow(new TypeError(`${name}: expected a Uint8Array, got a string; ${remedy}`));
    }
    for (const call of [
      () => tls.seal(pattern(1), { header, iv: undefined as unknown as Uint8Array }),
      () => srtp.seal(pattern(20), { headerSize, iv: undefined as unknown as Uint8Array }),
    ]) {
      expect(call).toThrow(/^iv for aes-c\w+: expected 16 bytes, got none/);
    }
  });

  test("sessions refuse sizes just beyond each limit, and accept those at the limit", () => {
    expect(device.hmac("sha1", new Uint8Array(512)).name).toBe("hmac-sha1");
    const gcm = device.aead("aes-gcm", key);
    expect(gcm.seal(pattern(1), { nonce: pattern(12), aad: new Uint8Array(4096) })).toHaveLength(17);
    refused(
      () => gcm.seal(pattern(1), { nonce: pattern(12), aad: new Uint8Array(4097) }),
      RangeError,
      "aad for aes-gcm: expected at most 4096 bytes, got 4097",
    );
    // SP 800-38C: a nonce of 13 bytes leaves 2 bytes for the length of the message.
    const ccm = device.aead("aes-ccm", key);
    const nonce = pattern(13);
    const sealed = ccm.seal(new Uint8Array(65535), { nonce });
    expect(ccm.open(sealed, { nonce })).toHaveLength(65535);
    refused(
      () => ccm.open(new Uint8Array(65552), { nonce }),
      RangeError,
      "source for aes-ccm: expected at most 65535 bytes with a nonce of 13 bytes, got 65536",
    );
    const srtp = startSrtp(1);
    expect(srtp.seal(pattern(13), { headerSize: 12, iv })).toHaveLength(14);
    refused(() => startSrtp(21), RangeError, "tag size for hmac-sha1: expected 1 to 20 bytes, got 21");
    const tls = startTls();
    const header = pattern(13);
    expect(tls.sealInto(new Uint8Array(), new Uint8Array(tls.overhead), { header, iv })).toBe(32);
    refused(
      () => tls.sealInto(new Uint8Array(), new Uint8Array(tls.overhead - 1), { header, iv }),
      RangeError,
      "destination for aes-cbc: expected at least 36 bytes, got 35",
    );
    refused(
      () => tls.open(new Uint8Array(), { header, iv }),
      RangeError,
      "record for aes-cbc: expected at least 16 bytes, got 0",
    );
    refused(
      () => srtp.seal(pattern(12), { headerSize: 12, iv }),
      RangeError,
      "packet for aes-ctr: expected at least 13 bytes, got 12",
    );
    refused(() => device.allocate(-1), RangeError, "size: expected a number of bytes, got -1");
    refused(
      () => device.allocate(1, 62),
      RangeError,
      "alignmask: expected one less than a power of two, at most 65535, got 62",
    );
    refused(
      () => device.allocate(16, 2 ** 32 - 1),
      RangeError,
      "alignmask: expected one less than a power of two, at most 65535, got 4294967295",
    );
  });

  test("Cipher.encryptor() refuses unknown padding, and padding for a cipher without blocks", () => {
    const [aes, ctr] = [device.cipher("aes-cbc", key), device.cipher<CipherName>("aes-ctr", key)];
    refused(
      () => aes.encryptor(iv, { padding: "pkcs7" as unknown as boolean }),
      TypeError,
      "padding for aes-cbc: expected true or false, got a string",
    );
    refused(
      () => ctr.encryptor(iv, { padding: true }),
      RangeError,
      "padding for aes-ctr: expected false, because it accepts any number of bytes",
    );
  });

  test("sessions use the real length of a view that overrides it", () => {
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

  test("Hash.digest() and Device.hmac() refuse a view that is out of bounds since its buffer shrank", () => {
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

  test("Device.cipher() and hmac() send the real length of a key that overrides it", () => {
    device.hmac("sha256", lying(16, 24));
    device.cipher("aes-cbc", lying(16, 24));
    const starts = host.calls.filter(({ request }) => request === requestNumber(CIOCGSESSION, LP64));
    const lengths = starts.map(({ bytes }) => [8, 24].map((at) => new DataView(bytes.buffer).getUint32(at, true)));
    expect(lengths).toEqual([
      [0, 16],
      [16, 0],
    ]);
  });

  test("sessions refuse memory too short for a result, even if their properties were redefined", () => {
    const hash = device.hash("sha512");
    const withMac = startWithMac();
    Object.defineProperties(hash, { digestSize: { value: 1 }, name: { get: () => detached(1) && "" } });
    Object.defineProperty(withMac, "macSize", { value: 1 });
    refused(
      () => hash.digestInto(new Uint8Array(1)),
      RangeError,
      "destination for sha512: expected at least 64 bytes, got 1",
    );
    refused(
      () => withMac.encryptInto(pattern(16), new Uint8Array(16), { mac: new Uint8Array(1), iv }),
      RangeError,
      "mac for sha1: expected at least 20 bytes, got 1",
    );
  });

  test("Device.cipher() refuses a key in the place of a name without repeating it", () => {
    const secret = fromHex("c0ffee00c0ffee11c0ffee22c0ffee33");
    const swapped = () => device.cipher(secret as unknown as CipherName, "aes-cbc" as unknown as Uint8Array);
    expect(swapped).toThrow(/; got a Uint8Array$/);
    expect(() => device.cipher("correct horse battery staple" as CipherName, key)).toThrow(/; got a string$/);
    expect(() => device.cipher(Object.create(null), key)).toThrow(/; got an Object$/);
  });

  test("Device.cipher() and hash() refuse unknown algorithms, and those that CIOCCRYPT does not support", () => {
    expect(() => device.cipher("aes-gcm" as CipherName, key)).toThrow(
      /^cipher: expected one of .*aes-cbc.*; got "aes-gcm", which is an AEAD: use device.aead\(\)$/,
    );
    expect(() => device.cipher("arc4" as CipherName, key)).toThrow(RangeError);
    expect(() => device.cipher(undefined as unknown as CipherName, key)).toThrow(/got undefined$/);
    expect(() => device.hash("hmac-sha1" as HashName)).toThrow(
      /^hash: expected one of md5, sha1, .*; got "hmac-sha1", which is an HMAC: use device\.hmac\(\)$/,
    );
    expect(() => device.hash("toString" as HashName)).toThrow(RangeError);
    expect(host.calls).toHaveLength(0);
  });
});

describe("after close():", () => {
  test("Session.close() has no effect the second time, and operations throw a ClosedError", () => {
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
    expect(() => chunks.final()).toThrow(new ClosedError("data for aes-cbc: final() has ended it"));
    const before = host.calls.length;
    aes.close();
    aes[Symbol.dispose]();
    const closed = { name: "ClosedError", message: "aes-cbc session: it was closed" };
    expect(() => aes.encrypt(pattern(16), iv)).toThrow(expect.objectContaining(closed));
    expect(() => aes.info()).toThrow(expect.objectContaining(closed));
    expect(() => sha.update(pattern(1))).toThrow(ClosedError);
    expect(() => sha.update(new Uint8Array())).toThrow(ClosedError);
    expect(() => sha.digest()).toThrow(ClosedError);
    expect(host.calls.length).toBe(before);
  });

  test("Device.close() ends the sessions of the device, and new ones throw a ClosedError", () => {
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
    expect(() => device.clone()).toThrow(ClosedError);
    expect(host.calls.length).toBe(before);
  });
});

describe("if the kernel refuses:", () => {
  test("Device.cipher() says where to look for an algorithm", () => {
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
        hint: expect.stringMatching(/^the device cannot start aes-cbc\. /),
      }),
    );
    bare.answers.push(-errnos.EINVAL);
    expect(attempt).toThrow(
      /^CIOCGSESSION \/dev\/crypto: EINVAL, the device cannot start aes-cbc\. The kernel does not have cbc\(aes\): load its module, or see \/proc\/crypto$/,
    );
    bare.answers.push(-errnos.ENOMEM);
    expect(attempt).toThrow(/^CIOCGSESSION \/dev\/crypto: ENOMEM, the kernel is out of memory$/);
  });

  test.each([
    ["ENOENT", /modprobe cryptodev.*backend: "software".*CRYPTODEV_BACKEND=software/],
    ["ENXIO", /modprobe cryptodev/],
    ["EACCES", /ls -l.*GROUP="crypto", MODE="0660"/],
    ["EMFILE", /no descriptor left/],
  ] as const)("Device.open() says what to do about %s", (code, message) => {
    const failing = new RecordingHost();
    failing.open = () => -errnos[code];
    const attempt = () => Device.open(failing);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code, syscall: "open", ioctl: undefined, path: "/dev/crypto" }));
  });

  test("operations in place leave the source of an encryption unchanged, and wipe unverified plaintext", () => {
    const gcm = device.aead("aes-gcm", key);
    const [withMac, tls, srtp] = [startWithMac(), startTls(), startSrtp()];
    const [memory, mac] = [pattern(128), new Uint8Array(20)];
    const failed = expect.objectContaining({ code: "ENOMEM" });
    const fail = (call: () => unknown) => {
      host.answers.push(-errnos.ENOMEM);
      expect(call).toThrow(failed);
    };
    fail(() => gcm.sealInto(memory.subarray(0, 64), memory, { nonce: pattern(12) }));
    fail(() => withMac.encryptInto(memory, memory, { mac, iv }));
    fail(() => tls.sealInto(memory.subarray(0, 64), memory, { header: pattern(13), iv }));
    fail(() => srtp.sealInto(memory.subarray(0, 64), memory, { headerSize: 12, iv }));
    expect(memory).toEqual(pattern(128));
    fail(() => gcm.openInto(memory.subarray(0, 64), memory, { nonce: pattern(12) }));
    fail(() => withMac.decryptInto(memory.subarray(64, 96), memory.subarray(96), { mac, iv }));
    expect(memory.subarray(0, 64)).toEqual(new Uint8Array(64));
    expect(memory.subarray(64, 96)).toEqual(pattern(128).subarray(64, 96));
    expect(memory.subarray(96)).toEqual(new Uint8Array(32));
  });

  test("openInto() leaves the memory as it was if the driver has not read the message, in place and elsewhere", () => {
    const nonce = pattern(12);
    const messages: readonly (readonly [Uint8Array, (memory: Uint8Array) => unknown])[] = [
      [pattern(64), (memory) => startTls().openInto(memory, memory, { header: pattern(13), iv })],
      [pattern(64), (memory) => startTls().openInto(pattern(64, 9), memory, { header: pattern(13), iv })],
      [pattern(60), (memory) => startSrtp().openInto(memory, memory, { headerSize: 12, iv })],
      [pattern(60), (memory) => startSrtp().openInto(pattern(60, 9), memory, { headerSize: 12, iv })],
      [pattern(50), (memory) => device.aead("aes-gcm", key).openInto(memory, memory, { nonce })],
      [pattern(17), (memory) => device.aead("aes-ccm", key).openInto(memory, memory, { nonce })],
      [pattern(50), (memory) => device.aead("aes-gcm", key).openInto(pattern(50, 9), memory, { nonce })],
    ];
    for (const [memory, open] of messages) {
      const before = memory.slice();
      host.device.failNext("EINVAL", "CIOCAUTHCRYPT");
      expect(() => open(memory)).toThrow(expect.objectContaining({ code: "EINVAL", ioctl: "CIOCAUTHCRYPT" }));
      expect(memory).toEqual(before);
    }
  });

  test("TlsCipher.openInto() and SrtpCipher.openInto() report another reason than a forgery, and wipe the memory", () => {
    const [tls, srtp] = [startTls(), startSrtp(10)];
    const [record, packet] = [pattern(64), pattern(50)];
    host.answers.push(-errnos.ENOMEM);
    expect(() => tls.openInto(record, record, { header: pattern(13), iv })).toThrow(
      expect.objectContaining({ code: "ENOMEM" }),
    );
    expect(record).toEqual(new Uint8Array(64));
    host.answers.push(-errnos.ENOMEM);
    expect(() => srtp.openInto(packet, packet, { headerSize: 12, iv })).toThrow(
      expect.objectContaining({ code: "ENOMEM" }),
    );
    expect(packet.subarray(0, 12)).toEqual(pattern(12));
    expect(packet.subarray(12, 40)).toEqual(new Uint8Array(28));
    expect(packet.subarray(40)).toEqual(pattern(50).subarray(40));
    host.answers.push(-errnos.ENOMEM);
    const unsealed = pattern(50);
    expect(() => srtp.sealInto(unsealed.subarray(0, 40), unsealed, { headerSize: 12, iv })).toThrow(
      expect.objectContaining({ code: "ENOMEM" }),
    );
    expect(unsealed).toEqual(pattern(50));
  });

  test("sessions name the algorithms that are missing as the kernel does", () => {
    for (const [names, start] of [
      ["aes-gcm. The kernel does not have gcm(aes): ", () => device.aead("aes-gcm", key)],
      ["sha1. The kernel does not have sha1: ", () => device.hash("sha1")],
      [
        "aes-cbc with hmac-sha1. The kernel does not have cbc(aes) or hmac(sha1): ",
        () => startWithMac("hmac-sha1", key),
      ],
      ["tls with aes-cbc and hmac-sha1. The kernel does not have cbc(aes) or hmac(sha1): ", () => startTls()],
      ["srtp with aes-ctr and hmac-sha1. The kernel does not have ctr(aes) or hmac(sha1): ", () => startSrtp()],
    ] as const) {
      host.answers.push(-errnos.EINVAL);
      expect(start).toThrow(`the device cannot start ${names}`);
    }
  });

  test("Device.cipher() mentions weak keys only for ciphers that have some", () => {
    for (const [name, size] of [
      ["des-cbc", 8],
      ["3des-cbc", 24],
      ["aes-xts", 32],
    ] as const) {
      host.answers.push(-errnos.EINVAL);
      expect(() => device.cipher(name, pattern(size))).toThrow(", or refuses the key as weak: load its module");
    }
  });

  test("Device.cipher() names the release that dropped an algorithm, and does not suggest a kernel configuration", () => {
    host.device.lacks.add("aes-cfb").add("aes-ofb");
    for (const [name, message] of [
      [
        "aes-cfb",
        "the device cannot start aes-cfb. Linux 6.8 and newer no longer have cfb(aes). With an older kernel, load the module of cfb(aes), or see /proc/crypto",
      ],
      ["aes-256-ofb", "the device cannot start aes-256-ofb. Linux 6.8 and newer no longer have ofb(aes). "],
    ] as const) {
      const start = () => device.cipher(name, pattern(32));
      expect(start).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringContaining(message) }));
      expect(start).toThrow(expect.objectContaining({ message: expect.not.stringMatching(/CONFIG_|built without/) }));
    }
    expect(() => device.cipherWithMac({ cipher: "aes-cfb", key, mac: "hmac-sha1", macKey: key })).toThrow(
      "the device cannot start aes-cfb with hmac-sha1. Linux 6.8 and newer no longer have cfb(aes). With an older kernel, load the module of cfb(aes) or hmac(sha1), ",
    );
    host.device.lacks.clear();
  });

  test("Hash.copy() ends the session of the copy, and the message continues", () => {
    const sha = device.hash("sha1").update(pattern(3));
    const before = host.calls.length;
    host.device.failNext("ENOMEM", "CIOCCPHASH");
    expect(() => sha.copy()).toThrow(expect.objectContaining({ code: "ENOMEM", ioctl: "CIOCCPHASH" }));
    const requests = host.calls.slice(before).map(({ request }) => request);
    expect(requests).toEqual([CIOCGSESSION, CIOCCPHASH, CIOCFSESSION].map((ioctl) => requestNumber(ioctl, LP64)));
    expect(sha.digest()).toEqual(device.hash("sha1").digest(pattern(3)));
  });

  test("CryptodevError has the number of an error without a name", () => {
    const aes = device.cipher("aes-cbc", key);
    host.answers.push(-133);
    expect(() => aes.encrypt(pattern(16), iv)).toThrow(
      expect.objectContaining({ code: "E133", errno: 133, ioctl: "CIOCCRYPT" }),
    );
  });

  test("Cipher has the right result the next time, in chunks too", () => {
    const aes = device.cipher("aes-cbc", key);
    const expected = aes.encrypt(pattern(32), iv);
    host.answers.push(-errnos.ENOMEM);
    expect(() => aes.encrypt(pattern(16), iv)).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    expect(aes.encrypt(pattern(32), iv)).toEqual(expected);
    const encryptor = aes.encryptor(iv);
    const first = encryptor.update(pattern(16));
    host.answers.push(-errnos.ENOMEM);
    expect(() => aes.encrypt(pattern(16), pattern(16, 9))).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    expect([...first, ...encryptor.update(pattern(32).subarray(16))]).toEqual([...expected]);
  });

  test("Hash.update() closes the session, because a digest without that part would be wrong", () => {
    const sha = device.hash("sha256");
    sha.update(pattern(10));
    host.answers.push(-errnos.ENOMEM);
    expect(() => sha.update(pattern(10))).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    expect(sha.closed).toBe(true);
    expect(() => sha.digest()).toThrow(/a part of its message could not be processed$/);
  });

  test("Session.info() throws EFAULT if some bytes could not be written", () => {
    const aes = device.cipher("aes-cbc", key);
    host.answers.push(268);
    expect(() => aes.info()).toThrow(expect.objectContaining({ code: "EFAULT", ioctl: "CIOCGSESSINFO" }));
    host.answers.push(268);
    expect(() => aes.info()).toThrow(/EFAULT, the answer could not be written$/);
  });

  test("Device.clone() throws EMFILE for lack of a descriptor, although CRIOGET returns 0", () => {
    const narrow = new RecordingHost({ descriptors: 1 });
    const only = Device.open(narrow);
    expect(() => only.clone()).toThrow(expect.objectContaining({ code: "EMFILE", ioctl: "CRIOGET" }));
  });

  test("Device.open() throws a TypeError for a path that no system call accepts", () => {
    expect(() => Device.open(host, { path: "/dev/\0crypto" })).toThrow(TypeError);
    expect(() => Device.open(host, { path: 3 as unknown as string })).toThrow(
      new TypeError("path of the device: expected a string without zero characters, got 3"),
    );
  });
});

describe("keys:", () => {
  test("Device.cipher() does not copy a key, and releases it as soon as the kernel has it", async () => {
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

  test("Device.cipher() does not repeat a key in an error", () => {
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

describe("calls:", () => {
  test("Device.open() passes O_CLOEXEC", () => {
    expect(host.opened).toEqual([["/dev/crypto", O_RDWR | O_CLOEXEC]]);
  });

  test("Cipher.encrypt() never sends a NULL pointer together with a length", () => {
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
