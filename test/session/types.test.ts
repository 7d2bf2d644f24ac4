import {
  type AeadName,
  type Cipher,
  type CipherChunks,
  type CipherName,
  type DetachedMessage,
  Device,
  type Session,
  type UnsupportedCode,
} from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import { expectTypeOf, test } from "vitest";

/*
 * What the types know of an algorithm. `tsc` checks this file: an expected error that does not occur is an error. No
 * function here is called.
 */

declare const device: Device;
declare const bytes: Uint8Array<ArrayBuffer>;
type Bytes = Uint8Array<ArrayBuffer>;

/** Names a function that only the compiler looks at. */
const compiled = (name: string, check: () => unknown): void => test(name, () => void check);

compiled("Cipher has a literal name, also if it was written in another form", () => {
  expectTypeOf(device.cipher("aes-128-ecb", bytes).name).toEqualTypeOf<"aes-128-ecb">();
  expectTypeOf(device.cipher("AES-256-CBC", bytes).name).toEqualTypeOf<"aes-256-cbc">();
  expectTypeOf(device.cipher("null", bytes).name).toEqualTypeOf<"null">();
  // @ts-expect-error no such cipher
  device.cipher("aes-512-cbc", bytes);
  // @ts-expect-error it is an AEAD
  device.cipher("aes-gcm", bytes);
});

compiled("Cipher.encrypt() of ECB and null has no iv parameter, and requires one otherwise", () => {
  const [ecb, none] = [device.cipher("aes-128-ecb", bytes), device.cipher("null", bytes)];
  const [cbc, xts] = [device.cipher("aes-cbc", bytes), device.cipher("aes-xts", bytes)];
  expectTypeOf<Parameters<typeof ecb.encrypt>>().toEqualTypeOf<[source: Uint8Array]>();
  expectTypeOf<Parameters<typeof none.decryptInto>>().toEqualTypeOf<[source: Uint8Array, destination: Uint8Array]>();
  expectTypeOf<Parameters<typeof cbc.encrypt>>().toExtend<[Uint8Array, Uint8Array]>();
  expectTypeOf<Parameters<typeof xts.encryptInto>>().toExtend<[Uint8Array, Uint8Array, Uint8Array]>();
  expectTypeOf(cbc.encrypt(bytes, bytes)).toEqualTypeOf<Bytes>();
  // @ts-expect-error ECB has no iv
  ecb.encrypt(bytes, bytes);
  // @ts-expect-error CBC requires an iv
  cbc.encrypt(bytes);
  // @ts-expect-error it is required, so it cannot be undefined
  cbc.encrypt(bytes, undefined);
  // @ts-expect-error XTS requires an iv
  xts.decrypt(bytes);
});

compiled("every session is a Session, and every cipher but XTS a Cipher", () => {
  const sessions: Session[] = [device.cipher("aes-xts", bytes), device.cipher("aes-ecb", bytes), device.hash("sha1")];
  const ciphers: Cipher[] = [
    device.cipher("aes-ecb", bytes),
    device.cipher("aes-cbc", bytes),
    device.cipher("aes-ctr", bytes),
    device.cipher("null", bytes),
  ];
  return [sessions, ciphers];
});

compiled("Aead.seal() returns either form if it is not known whether it is detached", () => {
  const detached = bytes.length > 16;
  const sealed = device.aead("aes-gcm", bytes).seal(bytes, { nonce: bytes, detached });
  expectTypeOf(sealed).toEqualTypeOf<Bytes | DetachedMessage>();
});

compiled("Cipher.encryptor() does not exist for XTS", () => {
  const [xts, sized] = [device.cipher("aes-xts", bytes), device.cipher("aes-256-xts", bytes)];
  expectTypeOf(xts).not.toHaveProperty("encryptor");
  expectTypeOf(xts).not.toHaveProperty("decryptor");
  expectTypeOf(sized).not.toHaveProperty("encryptor");
  expectTypeOf(device.cipher("aes-cbc", bytes)).toHaveProperty("encryptor");
});

compiled(
  "Cipher.encryptor() has padding only for block ciphers, eager only for stream ciphers, and no iv for ECB",
  () => {
    const [cbc, ctr] = [device.cipher("aes-cbc", bytes), device.cipher("aes-256-ctr", bytes)];
    const [ecb, none] = [device.cipher("aes-ecb", bytes), device.cipher("null", bytes)];
    expectTypeOf(cbc.encryptor(bytes, { padding: true })).toEqualTypeOf<CipherChunks>();
    ctr.encryptor(bytes, { eager: true });
    ecb.encryptor({ padding: true });
    ecb.encryptor();
    none.decryptor({ eager: true });
    // @ts-expect-error a stream cipher has no padding
    ctr.encryptor(bytes, { padding: true });
    // @ts-expect-error a block cipher is not eager
    cbc.encryptor(bytes, { eager: true });
    // @ts-expect-error padding is a switch
    cbc.encryptor(bytes, { padding: "pkcs7" });
    // @ts-expect-error CBC requires an iv
    cbc.encryptor();
    // @ts-expect-error ECB has no iv
    ecb.encryptor(bytes, { padding: true });
  },
);

compiled("Cipher of a name that is known only at run time accepts an iv or none", () => {
  const name = "aes-cbc" as CipherName;
  const cipher = device.cipher(name, bytes);
  expectTypeOf<Parameters<typeof cipher.encrypt>>().toEqualTypeOf<[source: Uint8Array, iv?: Uint8Array | undefined]>();
  cipher.encryptor(undefined, { padding: true, eager: false });
});

compiled("Aead.seal() returns two parts only with `detached`", () => {
  const gcm = device.aead("aes-256-gcm", bytes, { tagSize: 16, managedNonce: false });
  expectTypeOf(gcm.name).toEqualTypeOf<AeadName>();
  expectTypeOf(gcm.seal(bytes, { nonce: bytes })).toEqualTypeOf<Bytes>();
  expectTypeOf(gcm.seal(bytes)).toEqualTypeOf<Bytes>();
  expectTypeOf(gcm.seal(bytes, { nonce: bytes, detached: true })).toEqualTypeOf<{
    readonly ciphertext: Bytes;
    readonly tag: Bytes;
  }>();
  expectTypeOf(gcm.open(bytes, { nonce: bytes, tag: bytes })).toEqualTypeOf<Bytes>();
  // @ts-expect-error bytes of the same kind have names
  gcm.seal(bytes, bytes);
});

compiled("Device.tls(), srtp(), hash() and hmac() accept only their algorithms", () => {
  const keys = { key: bytes, macKey: bytes } as const;
  device.tls({ cipher: "aes-cbc", mac: "SHA-256", ...keys });
  device.srtp({ cipher: "AES-128-CTR", mac: "hmac-sha1", ...keys });
  device.cipherWithMac({ cipher: "aes-cbc", key: bytes, mac: "sha1" });
  device.hash("SHA-256");
  device.hmac("hmac-sha256", bytes);
  // @ts-expect-error TLS requires CBC
  device.tls({ cipher: "aes-ctr", mac: "hmac-sha1", ...keys });
  // @ts-expect-error SRTP requires CTR
  device.srtp({ cipher: "aes-cbc", mac: "hmac-sha1", ...keys });
  // @ts-expect-error a hash has no key
  device.hash("hmac-sha256");
  // @ts-expect-error Hmac.copy() requires the key
  device.hmac("sha256", bytes).copy();
  expectTypeOf(device.hmac("sha256", bytes).verify).returns.toBeBoolean();
  expectTypeOf(device.hash("sha256")).not.toHaveProperty("verify");
});

compiled("Capability narrows by `kind` and `available`", () => {
  for (const capability of device.capabilities()) {
    if (capability.available) expectTypeOf(capability.driver).toBeString();
    else expectTypeOf(capability.reason).toEqualTypeOf<"no-driver" | "no-hardware" | "32-bit-process">();
    if (capability.kind === "cipher") expectTypeOf(capability.name).toEqualTypeOf<CipherName>();
    if (capability.kind === "aead") expectTypeOf(capability.tagSizes).toEqualTypeOf<readonly number[]>();
    if (capability.kind === "hash") expectTypeOf(capability).not.toHaveProperty("keySizes");
  }
});

compiled("UnsupportedError.code is one of six", () => {
  expectTypeOf<UnsupportedCode>().toEqualTypeOf<
    "platform" | "ffi" | "software" | "threads" | "zero-copy" | "function"
  >();
});

compiled("Device.open() accepts the path among its options", () => {
  expectTypeOf(Device.open(new SoftwareHost(), { path: "/dev/crypto", statistics: true })).toEqualTypeOf<Device>();
  // @ts-expect-error the path is an option
  Device.open(new SoftwareHost(), "/dev/crypto");
});
