import { inspect } from "node:util";
import { Device } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import { type AsyncDevice, open, openAsync } from "cryptodev";
import { afterAll, describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";

/*
 * A key or a password in the place of a name, an option or a path, after swapped arguments or a misplaced line in a
 * configuration file. No error repeats it, even if it looks like a name. Only names close to a known one are repeated.
 */

const secrets: Readonly<Record<string, string>> = {
  "a hexadecimal key of 8 bytes": "2b7e151628aed2a6",
  "a hexadecimal key of 16 bytes": "2b7e151628aed2a6abf7158809cf4f3c",
  "the same in capitals": "2B7E151628AED2A6ABF7158809CF4F3C",
  "a hexadecimal key of 20 bytes": "2b7e151628aed2a6abf7158809cf4f3c00112233",
  "a hexadecimal key of 24 bytes": "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
  "a hexadecimal key of 32 bytes": "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
  "a base64 key of 16 bytes": "K34VFiiu0qar9xWICc9PPA==",
  "a base64url key of 16 bytes": "K34VFiiu0qar9xWICc9PPA",
  "a base64 key of 32 bytes": "YD3rEBXKcb4rc67whX13gR81LAc7YQjXLZgQowkU3/Q=",
  "a base64url key of 32 bytes": "YD3rEBXKcb4rc67whX13gR81LAc7YQjXLZgQowkU3_Q",
  "a UUID": "7d444840-9dc0-11d1-b245-5ffdce74fad2",
  "a PIN": "490157",
  "a password of four characters": "xK9q",
  "a password of eight characters": "hunter22",
  "a password of small letters": "swordfish",
  "a password of words": "correct-horse-battery-staple",
  "a password with blanks": "correct horse battery staple",
  "a password of special characters": "pa$$w0rd!",
  "a password with a hyphen": "sesame-2024",
  "a password with underscores": "my_secret_pass",
  "a long password": "Tr0ub4dor&3".repeat(20),
  "a password of digits and a letter": "a1234567890",
  "a token": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
  "an AWS key": "wJalrXUtnFEMI_K7MDENG_bPxRfiCYEXAMPLEKEY",
  "a JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
  "a key in PEM": "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v\n-----END PRIVATE KEY-----",
  "a password in another script": "пароль1234",
};

const key = pattern(16);
const macKey = pattern(20);
const iv = pattern(16);
const device = Device.open(new SoftwareHost());
const aes = device.cipher("aes-cbc", key);
const gcm = device.aead("aes-gcm", key);
const nonce = pattern(12);
const header = pattern(13);
const records = { cipher: "aes-cbc", key, mac: "hmac-sha1", macKey } as const;
const packets = { cipher: "aes-ctr", key, mac: "hmac-sha1", macKey } as const;
const managed = device.aead("aes-gcm", key, { managedNonce: true });
const tls = device.tls(records);
const srtp = device.srtp(packets);
const withMac = device.cipherWithMac(records);
const sha = device.hash("sha1");
let asynchronous: AsyncDevice | undefined;
afterAll(async () => {
  device.close();
  await asynchronous?.close();
});

/** Every place where a program can pass text; the other arguments are valid, or in the wrong order. */
const places: Readonly<Record<string, (secret: never) => unknown>> = {
  "cipher(secret, key)": (secret) => device.cipher(secret, key),
  "cipher(secret, name)": (secret) => device.cipher(secret, "aes-cbc" as never),
  "cipher(name, secret)": (secret) => device.cipher("aes-cbc", secret),
  "hash(secret)": (secret) => device.hash(secret),
  "hmac(secret, key)": (secret) => device.hmac(secret, key),
  "hmac(secret, name)": (secret) => device.hmac(secret, "sha1" as never),
  "hmac(name, secret)": (secret) => device.hmac("sha1", secret),
  "aead(secret, key)": (secret) => device.aead(secret, key),
  "aead(name, secret)": (secret) => device.aead("aes-gcm", secret),
  "aead(..., secret)": (secret) => device.aead("aes-gcm", key, secret) && refuse(),
  "aead(..., { tagSize: secret })": (secret) => device.aead("aes-gcm", key, { tagSize: secret }),
  "aead(..., { managedNonce: secret })": (secret) => device.aead("aes-gcm", key, { managedNonce: secret }),
  "cipherWithMac(secret)": (secret) => device.cipherWithMac(secret),
  "cipherWithMac({ cipher: secret })": (secret) => device.cipherWithMac({ ...records, cipher: secret }),
  "cipherWithMac({ key: secret })": (secret) => device.cipherWithMac({ ...records, key: secret }),
  "cipherWithMac({ mac: secret })": (secret) => device.cipherWithMac({ ...records, mac: secret }),
  "cipherWithMac({ macKey: secret })": (secret) => device.cipherWithMac({ ...records, macKey: secret }),
  "cipherWithMac({ mac: hash, macKey: secret })": (secret) =>
    device.cipherWithMac({ ...records, mac: "sha1", macKey: secret }),
  "tls(secret)": (secret) => device.tls(secret),
  "tls({ cipher: secret })": (secret) => device.tls({ ...records, cipher: secret }),
  "tls({ key: secret })": (secret) => device.tls({ ...records, key: secret }),
  "tls({ mac: secret })": (secret) => device.tls({ ...records, mac: secret }),
  "tls({ macKey: secret })": (secret) => device.tls({ ...records, macKey: secret }),
  "srtp(secret)": (secret) => device.srtp(secret),
  "srtp({ cipher: secret })": (secret) => device.srtp({ ...packets, cipher: secret }),
  "srtp({ mac: secret })": (secret) => device.srtp({ ...packets, mac: secret }),
  "srtp({ tagSize: secret })": (secret) => device.srtp({ ...packets, tagSize: secret }),
  "encryptor(iv, { padding: secret })": (secret) => aes.encryptor(iv, { padding: secret }),
  "encryptor(secret)": (secret) => aes.encryptor(secret),
  "decryptor(iv, { padding: secret })": (secret) => aes.decryptor(iv, { padding: secret }),
  "encrypt(secret, iv)": (secret) => aes.encrypt(secret, iv),
  "encrypt(data, secret)": (secret) => aes.encrypt(key, secret),
  "encryptInto(data, secret, iv)": (secret) => aes.encryptInto(key, secret, iv),
  "decryptInto(secret, memory, iv)": (secret) => aes.decryptInto(secret, key, iv),
  "encryptor(iv, secret)": (secret) => aes.encryptor(iv, secret),
  "seal(secret, { nonce })": (secret) => gcm.seal(secret, { nonce }),
  "seal(data, secret)": (secret) => gcm.seal(key, secret),
  "seal(data, { nonce: secret })": (secret) => gcm.seal(key, { nonce: secret }),
  "seal(data, { nonce, aad: secret })": (secret) => gcm.seal(key, { nonce, aad: secret }),
  "seal(data, { nonce: secret }) with managed nonces": (secret) => managed.seal(key, { nonce: secret }),
  "sealInto(data, secret, { nonce })": (secret) => gcm.sealInto(key, secret, { nonce }),
  "open(data, { nonce, tag: secret })": (secret) => gcm.open(key, { nonce, tag: secret }),
  "open(data, { tag: secret }) with managed nonces": (secret) => managed.open(pattern(60), { tag: secret }),
  "tls.seal(fragment, secret)": (secret) => tls.seal(key, secret),
  "tls.seal(fragment, { header: secret, iv })": (secret) => tls.seal(key, { header: secret, iv }),
  "tls.seal(fragment, { header, iv: secret })": (secret) => tls.seal(key, { header, iv: secret }),
  "tls.sealInto(fragment, secret, ...)": (secret) => tls.sealInto(key, secret, { header, iv }),
  "tls.sealInto(secret, ...)": (secret) => tls.sealInto(secret, pattern(100), { header, iv }),
  "srtp.seal(packet, secret)": (secret) => srtp.seal(pattern(60), secret),
  "srtp.seal(packet, { headerSize: secret, iv })": (secret) => srtp.seal(pattern(60), { headerSize: secret, iv }),
  "srtp.seal(secret, ...)": (secret) => srtp.seal(secret, { headerSize: 12, iv }),
  "srtp.openInto(packet, secret, ...)": (secret) => srtp.openInto(pattern(80), secret, { headerSize: 12, iv }),
  "cipherWithMac.encrypt(data, secret)": (secret) => withMac.encrypt(key, secret),
  "cipherWithMac.decrypt(data, { mac: secret, iv })": (secret) => withMac.decrypt(key, { mac: secret, iv }),
  "cipherWithMac.encryptInto(..., { mac: secret, iv })": (secret) =>
    withMac.encryptInto(key, pattern(16), { mac: secret, iv }),
  "update(secret)": (secret) => sha.update(secret),
  "digest(secret)": (secret) => sha.digest(secret),
  "digestInto(secret)": (secret) => sha.digestInto(secret),
  "hmac verify(secret, mac)": (secret) => device.hmac("sha1", key).verify(secret, pattern(20)),
  "hmac verify(data, secret)": (secret) => device.hmac("sha1", key).verify(key, secret),
  "hmac copy(secret)": (secret) => device.hmac("sha1", key).copy(secret),
  "allocate(secret)": (secret) => device.allocate(secret),
  "allocate(size, secret)": (secret) => device.allocate(16, secret),
  "capabilities({ hardware: secret })": (secret) => device.capabilities({ hardware: secret }),
  "Device.open(host, secret)": (secret) => Device.open(new SoftwareHost(), secret),
  "Device.open(host, { chunkSize: secret })": (secret) => Device.open(new SoftwareHost(), { chunkSize: secret }),
  "Device.open(host, { hardware: secret })": (secret) => Device.open(new SoftwareHost(), { hardware: secret }),
  "Device.open(host, { statistics: secret })": (secret) => Device.open(new SoftwareHost(), { statistics: secret }),
  "open({ backend: secret })": (secret) => open({ backend: secret }),
  "open({ hardware: secret })": (secret) => open({ backend: "software", hardware: secret }),
  "open({ chunkSize: secret })": (secret) => open({ backend: "software", chunkSize: secret }),
  "open(secret)": (secret) => open(secret) && refuse(),
  "new SoftwareHost({ lacks: secret })": (secret) => new SoftwareHost({ lacks: [secret] }) && refuse(),
  "failNext(secret)": (secret) => new SoftwareHost().device.failNext(secret),
  "failNext(code, secret)": (secret) => new SoftwareHost().device.failNext("ENOMEM", secret) ?? refuse(),
};
const asyncPlaces: Readonly<Record<string, (secret: never) => Promise<unknown>>> = {
  "openAsync({ backend: secret })": (secret) => openAsync({ backend: secret }),
  "openAsync({ hardware: secret })": (secret) => openAsync({ backend: "software", hardware: secret }),
  "openAsync({ workers: secret })": (secret) => openAsync({ backend: "software", workers: secret }),
  "openAsync({ chunkSize: secret })": (secret) => openAsync({ backend: "software", chunkSize: secret }),
  "cipher(secret, key)": async (secret) => (await opened()).cipher(secret, key),
  "cipher(name, secret)": async (secret) => (await opened()).cipher("aes-cbc", secret),
  "cipher(secret, name)": async (secret) => (await opened()).cipher(secret, "aes-cbc" as never),
  "hash(secret)": async (secret) => (await opened()).hash(secret),
  "hmac(secret, key)": async (secret) => (await opened()).hmac(secret, key),
  "hmac(name, secret)": async (secret) => (await opened()).hmac("sha1", secret),
  "aead(secret, key)": async (secret) => (await opened()).aead(secret, key),
  "aead(..., { tagSize: secret })": async (secret) => (await opened()).aead("aes-gcm", key, { tagSize: secret }),
  "encrypt(data, secret)": async (secret) => (await (await opened()).cipher("aes-cbc", key)).encrypt(key, secret),
};

async function opened(): Promise<AsyncDevice> {
  asynchronous ??= await openAsync({ backend: "software" });
  return asynchronous;
}

/** Throws for calls that may accept the text. */
function refuse(): never {
  throw new TypeError("accepted");
}

/** Everything that logs and runtimes print of an error. */
function textOf(error: unknown): string {
  const parts: string[] = [];
  for (let one = error; one instanceof Error; one = one.cause) {
    // Without the lines of the stack, which contain the test's own source.
    const { stack = "", ...rest } = one;
    void stack;
    parts.push(one.name, one.message, String(one), inspect({ ...one }), JSON.stringify({ ...one, ...rest }));
  }
  return parts.join("\n");
}

/** Whether text shows a secret, or ten characters of it in a row. */
function shows(text: string, secret: string): boolean {
  const [all, one] = [text.toLowerCase(), secret.toLowerCase()];
  if (all.includes(one)) return true;
  // A shortened secret is still a leak.
  for (let start = 0; start + 10 <= one.length; start += 1) if (all.includes(one.slice(start, start + 10))) return true;
  return false;
}

describe.each(Object.entries(places))("the error of %s", (_place, call) => {
  test("does not repeat a secret of any form", () => {
    for (const [what, secret] of Object.entries(secrets)) {
      let error: unknown;
      try {
        call(secret as never);
      } catch (thrown) {
        error = thrown;
      }
      expect(error, what).toBeInstanceOf(Error);
      expect(shows(textOf(error), secret), `${what}: ${(error as Error).message}`).toBe(false);
    }
  });
});

describe.each(Object.entries(asyncPlaces))("the rejection of %s", (_place, call) => {
  test("does not repeat a secret of any form", async () => {
    for (const [what, secret] of Object.entries(secrets)) {
      const error = await call(secret as never).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error, what).toBeInstanceOf(Error);
      expect(shows(textOf(error), secret), `${what}: ${(error as Error).message}`).toBe(false);
    }
  });
});

test("no error of the library repeats secrets of other types", () => {
  const values: readonly (readonly [unknown, RegExp])[] = [
    [123456789n, /123456789/],
    [Symbol("hunter2"), /hunter2/],
    [{ password: "hunter2" }, /hunter2/],
    [["hunter2"], /hunter2/],
    [{ toString: () => "hunter2" }, /hunter2/],
    [{ [Symbol.toStringTag]: "hunter2" }, /hunter2/],
    [Object.assign(() => {}, { toString: () => "hunter2" }), /hunter2/],
    [new String("hunter2"), /hunter2/],
    [pattern(16, 200), /200|c8/],
  ];
  for (const [place, call] of Object.entries(places)) {
    // Some of these calls succeed, because they accept bytes.
    for (const [value, secret] of values) {
      let error: unknown;
      try {
        call(value as never);
      } catch (thrown) {
        error = thrown;
      }
      if (error === undefined) continue;
      expect(textOf(error), place).not.toMatch(secret);
    }
  }
});

test("an error of the library repeats a name that is close to a known one, and suggests that one", () => {
  for (const [call, name] of [
    [() => device.cipher("aes-265-cbc" as never, key), "aes-265-cbc"],
    [() => device.cipher("aes256-cbd" as never, key), "aes256-cbd"],
    [() => device.hash("sha-265" as never), "sha-265"],
    [() => device.hmac("hmac-sah1" as never, key), "hmac-sah1"],
    [() => device.aead("aes-256-cgm" as never, key), "aes-256-cgm"],
  ] as const) {
    expect(call, name).toThrow(new RegExp(`got "${name}"; did you mean`));
  }
});
