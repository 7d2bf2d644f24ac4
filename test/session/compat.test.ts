import { Buffer } from "node:buffer";
import real, { type CipherGCMTypes, createDecipheriv } from "node:crypto";
import { type AeadName, AuthenticationError, ClosedError, CryptodevError, Device } from "@cryptodev/core";
import {
  CIOCASYMFEAT,
  CIOCASYNCCRYPT,
  CIOCASYNCFETCH,
  CIOCAUTHCRYPT,
  CIOCCPHASH,
  CIOCCRYPT,
  CIOCFSESSION,
  CRIOGET,
  errnos,
  ILP32,
  type Ioctl,
  LP64,
  type Machine,
  machineOf,
  requestNumber,
} from "@cryptodev/core/abi";
import { Call } from "@cryptodev/core/host";
import { type Caller, type Memory, OpenFile, SoftwareDevice, SoftwareHost } from "@cryptodev/soft";
import { cryptoOf, type NodeCrypto } from "cryptodev/crypto";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { inWords, reportOf } from "../../packages/cli/dist/info.js";
import { pattern } from "../bytes.ts";
import { RecordingHost } from "../recording_host.ts";

/*
 * A 32-bit process on a 64-bit kernel: the driver starts sessions of AEADs and records, but handles none of their
 * calls.
 */

const [key, macKey, iv, nonce, header] = [pattern(16, 5), pattern(20, 9), pattern(16, 1), pattern(12), pattern(13)];
const tlsStart = { cipher: "aes-128-cbc", key, mac: "hmac-sha1", macKey } as const;
const srtpStart = { cipher: "aes-128-ctr", key, mac: "hmac-sha1", macKey, tagSize: 10 } as const;
const aeads: readonly AeadName[] = ["aes-gcm", "aes-ccm"];

/** Returns the error that a call throws. */
function errorOf(attempt: () => unknown): CryptodevError {
  try {
    attempt();
  } catch (error) {
    if (error instanceof CryptodevError) return error;
    throw error;
  }
  throw new Error("expected a CryptodevError, got none");
}

const unanswered = (ioctl: string, instead: string) => ({
  name: "CryptodevError",
  code: "EINVAL",
  ioctl,
  message: `${ioctl} /dev/crypto: EINVAL, the driver of a 64-bit kernel does not support ${ioctl} in 32-bit processes. Use a 64-bit runtime, or ${instead}`,
});
const unansweredAuthCrypt = unanswered("CIOCAUTHCRYPT", "use node:crypto");

function attempt<T>(compute: () => T, otherwise: (error: unknown) => T | undefined = () => undefined): T | undefined {
  try {
    return compute();
  } catch (error) {
    return otherwise(error);
  }
}

test("an error that is not EINVAL is reported as it is, although the driver does not answer such calls", () => {
  const host = new RecordingHost({ compat: true, machine: ILP32 });
  const gcm = Device.open(host).aead("aes-gcm", key);
  host.answers.push(-errnos.ENOMEM);
  const error = errorOf(() => gcm.seal(pattern(5), { nonce }));
  expect(error.code).toBe("ENOMEM");
  expect(error.message).not.toContain("32-bit");
});

describe("on a 64-bit kernel, for a 32-bit process", () => {
  /** The same keys on a device that handles every call. */
  const native = Device.open(new SoftwareHost({ machine: ILP32 }));
  let host: RecordingHost;
  let device: Device;
  beforeEach(() => {
    host = new RecordingHost({ compat: true, async: true });
    device = Device.open(host);
  });
  afterEach(() => device.close());

  test("Device.capabilities() lists no available AEAD, says why, and asks the driver once for each device", () => {
    const missing = device.capabilities().filter(({ available }) => !available);
    const unanswered = { kind: "aead", available: false, reason: "32-bit-process" };
    expect(missing).toEqual([
      expect.objectContaining({ name: "aes-ccm", ...unanswered }),
      expect.objectContaining({ name: "aes-gcm", ...unanswered }),
    ]);
    for (const capability of missing) expect(capability).not.toHaveProperty("driver");
    device.capabilities();
    const authCrypt = requestNumber(CIOCAUTHCRYPT, ILP32);
    expect(host.calls.filter(({ request }) => request === authCrypt)).toHaveLength(1);
    const all = native.capabilities();
    expect(all.every((capability) => capability.available && !("reason" in capability))).toBe(true);
  });

  test("Device.capabilities() distinguishes an algorithm that the kernel does not have from one that it does not pass on", () => {
    const other = Device.open(new SoftwareHost({ compat: true, lacks: ["aes-gcm"] }));
    const reasons = new Map(
      other.capabilities().map((capability) => [capability.name, capability.available ? undefined : capability.reason]),
    );
    expect([reasons.get("aes-gcm"), reasons.get("aes-ccm")]).toEqual(["no-driver", "32-bit-process"]);
    other.close();
  });

  test.each(aeads)(
    "Aead.seal() and openInto() of %s say why they fail, and leave a message in place unchanged",
    (name) => {
      const aead = device.aead(name, key);
      const sealed = native.aead(name, key).seal(pattern(40), { nonce });
      expect(errorOf(() => aead.seal(pattern(40), { nonce }))).toMatchObject(unansweredAuthCrypt);
      expect(errorOf(() => aead.open(sealed, { nonce }))).toMatchObject(unansweredAuthCrypt);
      const place = sealed.slice();
      for (let times = 0; times < 2; times += 1) {
        expect(errorOf(() => aead.openInto(place, place, { nonce }))).toMatchObject(unansweredAuthCrypt);
        expect(place).toEqual(sealed);
      }
    },
  );

  test("TlsCipher.openInto() neither reports an authentic record as forged nor wipes it", () => {
    const tls = device.tls(tlsStart);
    const record = native.tls(tlsStart).seal(pattern(60), { header, iv });
    const place = record.slice();
    expect(errorOf(() => tls.openInto(place, place, { header, iv }))).toMatchObject(unansweredAuthCrypt);
    expect(place).toEqual(record);
    expect(errorOf(() => tls.open(record, { header, iv }))).toMatchObject(unansweredAuthCrypt);
    expect(errorOf(() => tls.seal(pattern(60), { header, iv }))).toMatchObject(unansweredAuthCrypt);
  });

  test("SrtpCipher.openInto() neither reports an authentic packet as forged nor wipes it", () => {
    const srtp = device.srtp(srtpStart);
    const packet = native.srtp(srtpStart).seal(pattern(60), { headerSize: 12, iv });
    const place = packet.slice();
    expect(errorOf(() => srtp.openInto(place, place, { headerSize: 12, iv }))).toMatchObject(unansweredAuthCrypt);
    expect(place).toEqual(packet);
  });

  test("Hash.copy() in mid-message says why it fails and closes the copy, and the message continues", () => {
    const sha = device.hash("sha256").update(pattern(5));
    expect(errorOf(() => sha.copy())).toMatchObject(unanswered("CIOCCPHASH", "hash the data twice"));
    expect(sha.digest()).toEqual(native.hash("sha256").digest(pattern(5)));
    // Between messages there is no state to copy.
    expect(sha.copy().digest(pattern(5))).toEqual(native.hash("sha256").digest(pattern(5)));
  });

  test("sessions of all other kinds return the right result", () => {
    for (const [name, size] of [
      ["aes-xts", 32],
      ["aes-cbc", 16],
      ["aes-ctr", 16],
      ["camellia-cbc", 16],
    ] as const) {
      const session = device.cipher(name, pattern(size));
      expect(session.encrypt(pattern(64), iv)).toEqual(native.cipher(name, pattern(size)).encrypt(pattern(64), iv));
      expect(session.decrypt(session.encrypt(pattern(64), iv), iv)).toEqual(pattern(64));
    }
    expect(device.hmac("sha1", key).digest(pattern(9))).toEqual(native.hmac("sha1", key).digest(pattern(9)));
    const withMac = { cipher: "aes-cbc", key, mac: "hmac-sha1", macKey } as const;
    const result = device.cipherWithMac(withMac).encrypt(pattern(32), { iv });
    expect(result).toEqual(native.cipherWithMac(withMac).encrypt(pattern(32), { iv }));
    device.clone().close();
  });

  test("Device.answers() is false for a call that the driver does not handle, and refuses a closed device", () => {
    expect(
      [device, native].map((one) => [CIOCAUTHCRYPT, CIOCCPHASH, CIOCCRYPT].map((ioctl) => one.answers(ioctl))),
    ).toEqual([
      [false, false, true],
      [true, true, true],
    ]);
    const closed = Device.open(new SoftwareHost({ compat: true }));
    closed.close();
    expect(() => closed.answers(CIOCAUTHCRYPT)).toThrow(ClosedError);
  });

  test("Device.submitter() returns undefined, even if the driver was built with ENABLE_ASYNC", () => {
    expect(device.submitter(() => Promise.resolve())).toBeUndefined();
  });

  test("Device.aead() reports an algorithm that the kernel does not have as such", () => {
    host.device.lacks.add("aes-gcm");
    expect(errorOf(() => device.aead("aes-gcm", key))).toMatchObject({
      ioctl: "CIOCGSESSION",
      message: expect.stringContaining(
        "the device cannot start aes-gcm. The kernel does not have gcm(aes): load its module",
      ),
    });
  });
});

describe("cryptodev/crypto on a 64-bit kernel, for a 32-bit process", () => {
  const device = Device.open(new SoftwareHost({ compat: true }));
  const [strict, lenient] = [cryptoOf(device), cryptoOf(device, { fallback: true })];
  afterAll(() => device.close());

  /** Encrypts and decrypts a message. Returns its tag. */
  function there(from: NodeCrypto, name: string): string {
    const options = { authTagLength: 16 };
    const cipher = from.createCipheriv(name as CipherGCMTypes, key, nonce, options);
    const encrypted = cipher.update(pattern(40));
    cipher.final();
    const decipher = from.createDecipheriv(name as CipherGCMTypes, key, nonce, options);
    decipher.setAuthTag(cipher.getAuthTag());
    expect(decipher.update(encrypted)).toEqual(Buffer.from(pattern(40)));
    decipher.final();
    return cipher.getAuthTag().toString("hex");
  }

  test.each(["aes-128-gcm", "aes-128-ccm"])("leaves %s to node:crypto if the fallback is allowed", (name) => {
    for (let times = 0; times < 2; times += 1) {
      const cipher = attempt(() => real.createCipheriv(name as CipherGCMTypes, key, nonce, { authTagLength: 16 }));
      if (cipher === undefined) console.log(`skipped: ${name}, which this runtime's node:crypto does not have`);
      else expect(there(lenient, name)).toBe(there(real, name));
      const start = () => strict.createCipheriv(name as CipherGCMTypes, key, nonce, { authTagLength: 16 });
      const raised = attempt<unknown>(start, (error) => error);
      expect(raised).toMatchObject({
        code: "ERR_CRYPTO_UNKNOWN_CIPHER",
        cause: {
          name: "UnsupportedError",
          message: `the driver of a 64-bit kernel does not support ${name} for a 32-bit process; use a 64-bit runtime, or leave it to node:crypto: CRYPTODEV_FALLBACK=1, or cryptoOf(device, { fallback: true })`,
        },
      });
    }
  });

  test("lists no AEADs, and handles everything else itself", () => {
    expect(strict.getCiphers().filter((name) => /gcm|ccm/.test(name))).toEqual([]);
    const [ours, nodes] = [strict, lenient].map((from) => from.createCipheriv("aes-128-cbc", key, iv).final("hex"));
    expect(nodes).toBe(ours);
    expect(lenient.createHash("sha256").update("abc").digest("hex")).toBe(
      real.createHash("sha256").update("abc").digest("hex"),
    );
  });

  test("says why Hash.copy() fails in mid-message", () => {
    const hash = lenient.createHash("sha1").update("abc");
    expect(errorOf(() => hash.copy())).toMatchObject(unanswered("CIOCCPHASH", "hash the data twice"));
    expect(hash.digest("hex")).toBe("a9993e364706816aba3e25717850c26c9cd0d89d");
  });
});

describe("cryptodev info on a 64-bit kernel, for a 32-bit process", () => {
  const device = Device.open(new SoftwareHost({ compat: true }));
  afterAll(() => device.close());

  test("says what does not work and what to do, and does not suggest any kernel configuration", async () => {
    const facts = { version: "0", runtime: "Node.js", kernel: "Linux", module: null };
    const text = await inWords({ ...facts, ...reportOf(device) }, Number.POSITIVE_INFINITY);
    expect(text).toMatch(/^note: this is a 32-bit process on a 64-bit kernel, .*: use a 64-bit runtime$/m);
    expect(text).toMatch(
      /^aes-gcm \(aead\) +gcm\(aes\): not for a 32-bit process on a 64-bit kernel; use a 64-bit runtime/m,
    );
    expect(text).toMatch(/^aes-xts +cipher +software/m);
    expect(text).not.toMatch(/^aes-[gc]cm +aead|CONFIG/m);
  });
});

describe.each(["arm", "mips", "x64"])("on %s, where the driver handles every call,", (arch) => {
  const host = new RecordingHost({ machine: machineOf(arch) ?? LP64 });
  const device = Device.open(host);
  const tls = device.tls(tlsStart);

  test("TlsCipher.openInto() refuses a record whose padding leaves no room for its mac like any other forgery, and wipes it", () => {
    // The last block decrypts to 16 bytes of padding, which leaves no bytes for the mac.
    const record = pattern(16, 77);
    const decipher = createDecipheriv("aes-128-cbc", key, new Uint8Array(16)).setAutoPadding(false);
    const start = Uint8Array.from(decipher.update(record), (byte) => byte ^ 15);
    const [separate, forged] = [new Uint8Array(16).fill(0xee), tls.seal(pattern(9), { header, iv: start })];
    const raised = [record, forged].map((bytes) =>
      attempt<unknown>(
        () => tls.openInto(bytes, bytes, { header: pattern(13, 5), iv: start }),
        (error) => error,
      ),
    ) as AuthenticationError[];
    expect(raised[0]).toBeInstanceOf(AuthenticationError);
    expect(raised[0]?.message).toBe(raised[1]?.message);
    expect(Object.keys(raised[0] ?? {})).toEqual(Object.keys(raised[1] ?? {}));
    expect(record).toEqual(new Uint8Array(16));
    expect(() => tls.openInto(pattern(16, 77), separate, { header, iv: start })).toThrow(AuthenticationError);
    expect(separate).toEqual(new Uint8Array(16));
  });

  test("TlsCipher.openInto() reports EINVAL for a session that the driver has lost as such, and does not wipe the record", () => {
    const lost = device.tls(tlsStart);
    const record = tls.seal(pattern(60), { header, iv });
    const place = record.slice();
    // As if a child of this process ended it.
    const finish = new Call(host, CIOCFSESSION);
    finish.setUint32(finish.offset.value, lost.id);
    host.ioctl(0, finish.request, finish);
    const raised = errorOf(() => lost.openInto(place, place, { header, iv }));
    expect([raised.code, raised.message]).toEqual([
      "EINVAL",
      "CIOCAUTHCRYPT /dev/crypto: EINVAL, the driver refused the operation",
    ]);
    expect(place).toEqual(record);
    expect(tls.openInto(place, place, { header, iv })).toBe(60);
  });
});

describe("the software device as a 64-bit kernel for a 32-bit process", () => {
  test("returns EINVAL for an ioctl without a compat handler, whatever its argument is", () => {
    const host = new SoftwareHost({ compat: true, async: true });
    const fd = host.open("/dev/crypto", 2);
    for (const ioctl of [CIOCAUTHCRYPT, CIOCCPHASH, CIOCASYNCCRYPT, CIOCASYNCFETCH]) {
      expect(host.ioctl(fd, requestNumber(ioctl, ILP32), null), ioctl.name).toBe(-errnos.EINVAL);
    }
    expect(new SoftwareDevice({ compat: true }).machine).toBe(ILP32);
  });

  test("answers both kinds of processes, which can share an open file", () => {
    const device = new SoftwareDevice({ async: true });
    const memory: Memory = {
      read: (_address, length) => new Uint8Array(length).fill(1),
      isReadable: () => true,
      isWritable: () => true,
      write: () => true,
      writeArgument: () => true,
      retain: () => memory,
    };
    const caller: Caller = { file: new OpenFile(), memory, duplicate: () => 7, close: () => {} };
    const compat = (ioctl: Ioctl, machine: Machine) => device.begin(requestNumber(ioctl, machine), 4096, caller, true);
    expect(compat(CIOCASYMFEAT, ILP32)).toBe(0);
    expect(compat(CRIOGET, ILP32)).toBe(0);
    expect(compat(CIOCFSESSION, ILP32)).toBe(0);
    for (const ioctl of [CIOCAUTHCRYPT, CIOCCPHASH, CIOCASYNCCRYPT, CIOCASYNCFETCH]) {
      expect(compat(ioctl, ILP32), ioctl.name).toBe(-errnos.EINVAL);
    }
    expect(compat(CIOCCRYPT, LP64)).toBe(-errnos.EINVAL);
    const narrow = new SoftwareDevice({ machine: ILP32 });
    expect(narrow.begin(requestNumber(CIOCASYMFEAT, ILP32), 4096, caller, true)).toBe(-errnos.EINVAL);
  });

  test("is refused for the machine of a 64-bit process", () => {
    expect(() => new SoftwareDevice({ compat: true, machine: LP64 })).toThrow(
      new RangeError("machine for compat: expected pointers of 4 bytes, got 8; omit it, or use ILP32"),
    );
    expect(new SoftwareDevice({ compat: true, machine: machineOf("mips") ?? LP64 }).machine.requests).toBe("mips");
  });
});
