import { createCipheriv, createHash, createHmac } from "node:crypto";
import { AuthenticationError, type CipherName, Device } from "@cryptodev/core";
import {
  CIOCAUTHCRYPT,
  CIOCCRYPT,
  CIOCGSESSION,
  ciphers,
  errnos,
  type Ioctl,
  LP64,
  macs,
  type Struct,
} from "@cryptodev/core/abi";
import { Call } from "@cryptodev/core/host";
import {
  type BulkResult,
  type Caller,
  type Memory,
  OpenFile,
  processBulk,
  SoftwareDevice,
  SoftwareHost,
} from "@cryptodev/soft";
import { describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";

/* Data of more than a megabyte, which is processed in pieces, and lengths that no buffer of this process can have. */

const MiB = 2 ** 20;
const equal = (actual: Uint8Array, expected: Uint8Array) => expect(Buffer.compare(actual, expected)).toBe(0);

/** Sends calls to begin(), and continues them at once. */
class SlicedHost extends SoftwareHost {
  /** How often the calls have paused. */
  pauses = 0;

  constructor() {
    super();
    this.device.ioctl = (request, address, caller) => {
      const call = this.device.begin(request, address, caller);
      if (typeof call === "number") return call;
      for (;;) {
        const { done, value } = call.next();
        if (done) return value;
        this.pauses += 1;
      }
    };
  }
}

/** Sends calls to begin(), and lets another thread process their data, in whose place it works. */
class HelpedHost extends SoftwareHost {
  /** How often something was offered. */
  offers = 0;

  /** @param isWanted - whether the other thread continues after a piece */
  constructor(isWanted: () => boolean = () => true) {
    super();
    this.device.ioctl = (request, address, caller) => {
      const call = this.device.begin(request, address, caller);
      if (typeof call === "number") return call;
      let result: BulkResult | undefined;
      for (;;) {
        const { done, value } = call.next(result);
        if (done) return value;
        // A copy, as another thread gets it: its keys are wiped.
        result = value && processBulk(structuredClone(value), caller.memory, isWanted);
        if (value !== undefined) this.offers += 1;
      }
    };
  }
}

test("SoftwareDevice.begin() continues an operation where another thread has ended early, and fails if it cannot", () => {
  const host = new HelpedHost(() => false);
  const device = Device.open(host);
  // A device in this process answers shorter calls at once.
  const [key, iv, data] = [pattern(16, 3), pattern(16, 4), pattern(MiB + 4096)];
  for (const name of ["aes-cbc", "aes-ctr", "aes-xts"] as const) {
    const cipher = device.cipher<CipherName>(name, pattern(name === "aes-xts" ? 32 : 16, 3));
    const alone = Device.open(new SoftwareHost()).cipher<CipherName>(name, pattern(name === "aes-xts" ? 32 : 16, 3));
    equal(cipher.encrypt(data, iv), alone.encrypt(data, iv));
  }
  expect(host.offers).toBe(3);
  expect(() => device.hash("sha1").digest(data)).toThrow(expect.objectContaining({ code: "EFAULT" }));
  const session = device.cipherWithMac({ cipher: "aes-cbc", key, mac: "hmac-sha1", macKey: key });
  expect(() => session.encrypt(data, { iv })).toThrow(expect.objectContaining({ code: "EFAULT" }));
});

test("SoftwareDevice.begin() does not offer a part of a message to another thread, because it cannot pass a state", () => {
  const host = new HelpedHost();
  const hash = Device.open(host).hash("sha1");
  const data = pattern(MiB);
  equal(hash.update(data).update(data).digest(), createHash("sha1").update(data).update(data).digest());
  expect(host.offers).toBe(0);
  equal(hash.digest(data), createHash("sha1").update(data).digest());
  expect(host.offers).toBe(1);
});

test("SoftwareDevice.begin() pauses in long operations, and not in short ones", () => {
  const host = new SlicedHost();
  const device = Device.open(host);
  device.hash("sha256").digest(new Uint8Array(4096));
  expect(host.pauses).toBe(0);
  const expected = createHash("sha256").update(new Uint8Array(MiB)).digest();
  equal(device.hash("sha256").digest(new Uint8Array(MiB)), expected);
  // No slice is larger than 64 KiB.
  expect(host.pauses).toBeGreaterThanOrEqual(16);
  device.close();
});

describe.each([
  ["ioctl()", SoftwareHost],
  ["begin()", SlicedHost],
  ["begin() and another thread", HelpedHost],
])("SoftwareDevice.%s on several megabytes, which it processes in pieces,", (_method, HostOfDevice) => {
  const size = 3 * MiB + 4096;
  const data = pattern(size);
  const [key, iv] = [pattern(32, 3), pattern(16, 4)];
  const device = Device.open(new HostOfDevice());

  test.each([
    ["aes-256-cbc", "aes-256-cbc", size],
    ["aes-256-ctr", "aes-256-ctr", size - 5],
    ["aes-256-cfb", "aes-256-cfb", size - 5],
    ["aes-256-ofb", "aes-256-ofb", size - 5],
    ["aes-256-ecb", "aes-256-ecb", size],
    ["aes-128-xts", "aes-128-xts", size],
    ["3des-cbc", "des-ede3-cbc", size],
  ] as const)("returns what node:crypto returns with %s, in another buffer and in place", (name, native, length) => {
    const [ivSize, keySize] = [name.endsWith("ecb") ? 0 : name === "3des-cbc" ? 8 : 16, name === "3des-cbc" ? 24 : 32];
    const start = ivSize === 0 ? undefined : iv.subarray(0, ivSize);
    const plaintext = data.subarray(0, length);
    const cipher = device.cipher<CipherName>(name, key.subarray(0, keySize));
    let expected: Uint8Array;
    try {
      expected = createCipheriv(native, key.subarray(0, keySize), start ?? null)
        .setAutoPadding(false)
        .update(plaintext);
    } catch {
      // This runtime does not have the cipher; the test then only checks that decrypting restores the plaintext.
      expected = cipher.encrypt(plaintext, start);
    }
    equal(cipher.encrypt(plaintext, start), expected);
    const inPlace = plaintext.slice();
    cipher.encryptInto(inPlace, inPlace, start);
    equal(inPlace, expected);
    cipher.decryptInto(inPlace, inPlace, start);
    equal(inPlace, plaintext);
    cipher.close();
  });

  test("returns what node:crypto returns with a cipher and a mac", () => {
    const session = device.cipherWithMac({ cipher: "aes-256-cbc", key, mac: "hmac-sha256", macKey: key });
    const { ciphertext, mac } = session.encrypt(data, { iv });
    equal(ciphertext, createCipheriv("aes-256-cbc", key, iv).setAutoPadding(false).update(data));
    equal(mac, createHmac("sha256", key).update(data).digest());
    equal(session.decrypt(ciphertext, { mac, iv }), data);
    session.close();
  });
});

describe.each([
  ["ioctl()", SoftwareHost],
  ["begin()", SlicedHost],
])("SoftwareDevice.%s on a megabyte that is authenticated, which it processes in pieces,", (_method, HostOfDevice) => {
  const size = MiB + 4096 + 5;
  const data = pattern(size);
  const [key, iv, aad] = [pattern(16, 3), pattern(16, 4), pattern(20, 5)];
  const device = Device.open(new HostOfDevice());
  const changed = (bytes: Uint8Array): Uint8Array => bytes.map((byte, index) => (index === 0 ? byte ^ 1 : byte));

  /** Seals with node:crypto; `undefined` if this runtime does not have the cipher. */
  function sealed(name: "aes-128-gcm" | "aes-128-ccm", nonce: Uint8Array, tagSize: number): Uint8Array | undefined {
    try {
      const cipher = createCipheriv(name as "aes-128-ccm", key, nonce, { authTagLength: tagSize });
      cipher.setAAD(aad, { plaintextLength: size });
      const parts = [cipher.update(data), cipher.final(), cipher.getAuthTag().subarray(0, tagSize)];
      return Buffer.concat(parts);
    } catch {
      return undefined;
    }
  }

  test.each([
    ["aes-gcm", 12, 16],
    ["aes-gcm", 12, 13],
    // Nonces of 11 bytes leave four to count the message.
    ["aes-ccm", 11, 16],
    ["aes-ccm", 11, 8],
  ] as const)(
    "returns what node:crypto returns with %s, in another buffer and in place",
    (name, nonceSize, tagSize) => {
      const nonce = iv.subarray(0, nonceSize);
      const session = device.aead(name, key, { tagSize });
      const result = session.seal(data, { nonce, aad });
      const expected = sealed(name === "aes-gcm" ? "aes-128-gcm" : "aes-128-ccm", nonce, tagSize) ?? result;
      equal(result, expected);
      const memory = new Uint8Array(size + tagSize);
      memory.set(data);
      session.sealInto(memory.subarray(0, size), memory, { nonce, aad });
      equal(memory, expected);
      session.openInto(memory, memory, { nonce, aad });
      equal(memory.subarray(0, size), data);
      equal(session.open(expected, { nonce, aad }), data);
      expect(() => session.open(changed(expected), { nonce, aad })).toThrow(AuthenticationError);
      session.close();
    },
  );

  test.each([
    ["aes-128-cbc", 16],
    ["3des-cbc", 24],
  ] as const)("returns what node:crypto returns for a TLS record with %s", (name, keySize) => {
    const start = { cipher: name, key: pattern(keySize, 3), mac: "hmac-sha1", macKey: key } as const;
    const tls = device.tls(start);
    const blockSize = name === "3des-cbc" ? 8 : 16;
    const message = { header: aad, iv: iv.subarray(0, blockSize) };
    const padding = blockSize - ((size + 20) % blockSize);
    const mac = createHmac("sha1", key).update(aad).update(data).digest();
    const cipher = createCipheriv(name === "3des-cbc" ? "des-ede3-cbc" : name, start.key, message.iv);
    const text = Buffer.concat([data, mac, new Uint8Array(padding).fill(padding - 1)]);
    const expected = cipher.setAutoPadding(false).update(text);
    equal(tls.seal(data, message), expected);
    equal(tls.open(expected, message), data);
    expect(() => tls.open(changed(expected), message)).toThrow(AuthenticationError);
    tls.close();
  });

  test("returns what node:crypto returns for an SRTP packet", () => {
    const srtp = device.srtp({ cipher: "aes-128-ctr", key, mac: "hmac-sha1", macKey: key, tagSize: 10 });
    const ciphertext = createCipheriv("aes-128-ctr", key, iv).update(data.subarray(12));
    const encrypted = Buffer.concat([data.subarray(0, 12), ciphertext]);
    const tag = createHmac("sha1", key).update(encrypted).digest().subarray(0, 10);
    const expected = Buffer.concat([encrypted, tag]);
    equal(srtp.seal(data, { headerSize: 12, iv }), expected);
    equal(srtp.open(expected, { headerSize: 12, iv }), data);
    expect(() => srtp.open(changed(expected), { headerSize: 12, iv })).toThrow(AuthenticationError);
    srtp.close();
  });
});

/** A caller whose memory is all zeros at every address, and which records how much is read at once. */
class Zeros implements Memory {
  readonly zeros = new Uint8Array(MiB);
  readonly arguments = new Map<number, Uint8Array>();
  most = 0;
  written = 0;

  read(address: number, length: number): Uint8Array {
    this.most = Math.max(this.most, length);
    return this.arguments.get(address) ?? this.zeros.subarray(0, length);
  }

  isReadable(): boolean {
    return true;
  }

  isWritable(): boolean {
    return true;
  }

  write(address: number, bytes: Uint8Array): boolean {
    if (this.arguments.has(address)) this.arguments.get(address)?.set(bytes);
    else this.written += bytes.length;
    return true;
  }

  writeArgument(address: number, bytes: Uint8Array): boolean {
    return this.write(address, bytes);
  }

  retain(): Memory {
    return this;
  }
}

describe("SoftwareDevice.ioctl() on gigabytes", () => {
  const device = new SoftwareDevice();
  const host = new SoftwareHost();

  /** Sends one ioctl from such a caller. */
  function send(caller: Caller & { memory: Zeros }, ioctl: Ioctl<Struct>, fields: Readonly<Record<string, number>>) {
    const call = new Call(host, ioctl);
    const { offset } = call as { offset: Readonly<Record<string, number>> };
    for (const [name, value] of Object.entries(fields)) {
      const at = offset[name] as number;
      if (name === "mac" && ioctl.name === "CIOCGSESSION") call.setUint32(at, value);
      else if (["src", "dst", "mac", "iv", "key", "mackey", "tag", "auth_src"].includes(name))
        call.setAddress(at, value);
      else if (["op", "flags"].includes(name)) call.setUint16(at, value);
      else call.setUint32(at, value);
    }
    caller.memory.arguments.set(1, call.bytes);
    return { ret: device.ioctl(call.request, 1, caller), call, offset };
  }

  function openWith(session: Readonly<Record<string, number>>) {
    const memory = new Zeros();
    const caller = { file: new OpenFile(), memory, duplicate: () => -1, close: () => {} };
    const { ret, call, offset } = send(caller, CIOCGSESSION as Ioctl<Struct>, { key: 4096, mackey: 4096, ...session });
    expect(ret).toBe(0);
    memory.most = 0;
    return { caller, ses: call.getUint32(offset.ses as number) };
  }
  const [src, dst] = [2 ** 20, 2 ** 40];

  test.each([
    ["2 GiB of a cipher", { cipher: ciphers.CRYPTO_NULL.id }, 2 ** 31],
    ["4 GiB - 16 of a cipher", { cipher: ciphers.CRYPTO_NULL.id }, 2 ** 32 - 16],
    [
      "512 MiB of a cipher with as many pages as the driver can list in place",
      { cipher: ciphers.CRYPTO_NULL.id },
      2 ** 29,
    ],
    ["512 MiB of a hash", { mac: macs.CRYPTO_SHA1.id }, 2 ** 29],
  ])("processes %s in small pieces", (_what, session, len) => {
    const { caller, ses } = openWith(session);
    const isHash = "mac" in session;
    const { ret } = send(caller, CIOCCRYPT as Ioctl<Struct>, { ses, len, src, dst: isHash ? 0 : src, mac: 2 ** 41 });
    expect(ret).toBe(0);
    expect(caller.memory.most).toBeLessThanOrEqual(MiB);
    expect(caller.memory.written).toBe(isHash ? 20 : len);
  });

  const record = { cipher: ciphers.CRYPTO_NULL.id, mac: macs.CRYPTO_SHA1_HMAC.id };
  test.each([
    ["an AEAD", { cipher: ciphers.CRYPTO_AES_GCM.id, keylen: 16 }, 0],
    ["a TLS record", record, 16],
    ["an SRTP packet", record, 32],
  ])("processes 64 MiB of %s in small pieces", (_what, session, flags) => {
    const { caller, ses } = openWith(session);
    const len = 2 ** 26;
    const packet = flags === 32 ? { auth_src: src, auth_len: len } : {};
    const fields = { ses, len, src, dst: src, iv: 4096, flags, tag: 2 ** 41, ...packet };
    expect(send(caller, CIOCAUTHCRYPT as Ioctl<Struct>, fields).ret).toBe(0);
    expect(caller.memory.most).toBeLessThanOrEqual(MiB);
    expect(caller.memory.written).toBe(len + (flags === 0 ? 16 : 20));
  });

  test("copies XTS data page by page if it has more pages than the driver can list", () => {
    const { caller, ses } = openWith({ cipher: ciphers.CRYPTO_AES_XTS.id, keylen: 32 });
    caller.memory.isReadable = () => {
      throw new Error("it is copied");
    };
    caller.memory.write = (_address, { length }) => {
      expect(length).toBeLessThanOrEqual(4096);
      return false;
    };
    const { ret } = send(caller, CIOCCRYPT as Ioctl<Struct>, { ses, len: 2 ** 29, src, dst, iv: 4096 });
    expect(ret).toBe(-errnos.EFAULT);
  });

  test.each([
    ["an AEAD", { cipher: ciphers.CRYPTO_AES_GCM.id, keylen: 16 }, 0],
    [
      "a TLS record",
      { cipher: ciphers.CRYPTO_AES_CBC.id, keylen: 16, mac: macs.CRYPTO_SHA1_HMAC.id, mackeylen: 20 },
      16,
    ],
    [
      "an SRTP packet",
      { cipher: ciphers.CRYPTO_AES_CTR.id, keylen: 16, mac: macs.CRYPTO_SHA1_HMAC.id, mackeylen: 20 },
      32,
    ],
  ])("returns ENOMEM for %s whose pages the driver cannot list", (_what, session, flags) => {
    for (const len of [2 ** 29 + 16, 2 ** 31, 2 ** 32 - 16]) {
      const { caller, ses } = openWith(session);
      const fields = { ses, len, src, dst: src, iv: 4096, flags, tag: 4096 };
      const packet = flags === 32 ? { auth_src: src, auth_len: len } : {};
      expect(send(caller, CIOCAUTHCRYPT as Ioctl<Struct>, { ...fields, ...packet }).ret).toBe(-errnos.ENOMEM);
      expect(caller.memory).toMatchObject({ written: 0 });
      expect(caller.memory.most).toBeLessThanOrEqual(MiB);
    }
  });

  test("reads structs in the layout of LP64 unless another machine is given", () => {
    expect(device.machine).toBe(LP64);
  });
});
