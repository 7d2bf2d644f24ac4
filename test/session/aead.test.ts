import { createCipheriv } from "node:crypto";
import { type AeadName, Device } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { backends } from "../backends.ts";
import { fromHex, pattern, toHex } from "../bytes.ts";
import { detach } from "../memory.ts";
import { vectors } from "../vectors/aeads.ts";

const nameOf = (id: number): AeadName => (id === 50 ? "aes-gcm" : "aes-ccm");

describe.each(backends)("an AEAD session on the $name", (backend) => {
  let device: Device;
  beforeEach(() => {
    device = backend.open();
  });
  afterEach(() => device.close());

  test.each(vectors)("returns the known answer of $source", ({ id, key, nonce, aad, plaintext, ciphertext, tag }) => {
    const session = device.aead(nameOf(id), fromHex(key), { tagSize: tag.length / 2 });
    const more = [fromHex(nonce), ...(aad === "" ? [] : [fromHex(aad)])] as const;
    expect(toHex(session.seal(fromHex(plaintext), ...more))).toBe(ciphertext + tag);
    expect(toHex(session.open(fromHex(ciphertext + tag), ...more))).toBe(plaintext);
    const apart = session.encrypt(fromHex(plaintext), ...more);
    expect([toHex(apart.ciphertext), toHex(apart.tag)]).toEqual([ciphertext, tag]);
    expect(toHex(session.decrypt(apart.ciphertext, apart.tag, ...more))).toBe(plaintext);
  });

  test("seals an empty message to a tag, with or without aad", () => {
    const session = device.aead("aes-128-gcm", new Uint8Array(16));
    // GCM test case 1.
    const sealed = session.seal(new Uint8Array(), new Uint8Array(12));
    expect(toHex(sealed)).toBe("58e2fccefa7e3061367f1d57a4e7455a");
    expect(session.open(sealed, new Uint8Array(12))).toHaveLength(0);
    expect(session.seal(new Uint8Array(), new Uint8Array(12), new Uint8Array(8))).toHaveLength(16);
    expect(session.seal(new Uint8Array(), new Uint8Array(12), new Uint8Array())).toEqual(sealed);
  });

  test.each(["aes-gcm", "aes-ccm"] as const)("writes in place and to existing memory, with %s", (name) => {
    const session = device.aead(name, pattern(16));
    const nonce = pattern(12);
    const expected = session.seal(pattern(100), nonce, pattern(5));

    const place = new Uint8Array(120).fill(0xee);
    place.set(pattern(100));
    expect(session.sealInto(place.subarray(0, 100), place, nonce, pattern(5))).toBe(116);
    expect(toHex(place)).toBe(`${toHex(expected)}eeeeeeee`);
    expect(session.openInto(place.subarray(0, 116), place, nonce, pattern(5))).toBe(100);
    expect(place.subarray(0, 100)).toEqual(pattern(100));

    const packet = new Uint8Array(5 + 116);
    packet.set(pattern(5));
    packet.set(pattern(100), 5);
    session.sealInto(packet.subarray(5, 105), packet.subarray(5), nonce, packet.subarray(0, 5));
    expect(toHex(packet.subarray(5))).toBe(toHex(expected));
  });

  test.each(["aes-gcm", "aes-ccm"] as const)(
    "notices what has changed since the last operation over the same memory, with %s",
    (name) => {
      const session = device.aead(name, pattern(16));
      const [message, nonce, aad] = [pattern(40), pattern(12), pattern(9)];
      const [sealed, opened] = [new Uint8Array(56), new Uint8Array(56)];
      for (let round = 0; round < 3; round += 1) {
        for (let times = 0; times < 2; times += 1) {
          expect(session.sealInto(message, sealed, nonce, aad)).toBe(56);
          expect(sealed).toEqual(device.aead(name, pattern(16)).seal(message, nonce, aad));
        }
        for (let times = 0; times < 2; times += 1) {
          expect(session.openInto(sealed, opened, nonce, aad)).toBe(40);
          expect(opened.subarray(0, 40)).toEqual(message);
        }
        for (const forged of [sealed, nonce, aad]) {
          (forged[0] as number) ^= 1;
          expect(() => session.openInto(sealed, opened, nonce, aad)).toThrow(
            expect.objectContaining({ code: "EBADMSG" }),
          );
          expect(opened).toEqual(new Uint8Array(56));
          (forged[0] as number) ^= 1;
          session.openInto(sealed, opened, nonce, aad);
        }
        // The same memory without aad, and in the other direction.
        expect(() => session.openInto(sealed, opened, nonce)).toThrow(expect.objectContaining({ code: "EBADMSG" }));
        const wide = new Uint8Array(72);
        session.openInto(sealed, wide, nonce, aad);
        expect(session.sealInto(sealed, wide, nonce, aad)).toBe(72);
        expect(wide).toEqual(device.aead(name, pattern(16)).seal(sealed, nonce, aad));
        for (const changed of [message, nonce, aad]) changed[round] = 0xee;
      }
      session.sealInto(message, sealed, nonce, aad);
      detach(aad);
      expect(() => session.sealInto(message, sealed, nonce, aad)).toThrow(/^aad for aes-.cm: its memory is gone/);
    },
  );

  test.each(["aes-gcm", "aes-ccm"] as const)(
    "refuses every forgery with EBADMSG and leaves no plaintext, with %s",
    (name) => {
      const session = device.aead(name, pattern(16));
      const [nonce, aad] = [pattern(12), pattern(20)];
      const sealed = session.seal(pattern(64), nonce, aad);
      const destination = new Uint8Array(100);
      const refused = (message: Uint8Array, ...more: readonly [Uint8Array, Uint8Array?]) => {
        destination.fill(0xee);
        expect(() => session.openInto(message, destination, ...more)).toThrow(
          expect.objectContaining({ name: "CryptodevError", code: "EBADMSG", errno: 74, ioctl: "CIOCAUTHCRYPT" }),
        );
        expect(toHex(destination)).toBe("00".repeat(80) + "ee".repeat(20));
        expect(() => session.open(message, ...more)).toThrow(expect.objectContaining({ code: "EBADMSG" }));
      };
      for (const at of [0, 63, 64, 79]) {
        const forged = sealed.slice();
        forged[at] = (forged[at] as number) ^ 1;
        refused(forged, nonce, aad);
      }
      refused(sealed, pattern(12, 4), aad);
      refused(sealed, nonce, pattern(20, 4));
      refused(sealed, nonce);
      const place = sealed.slice();
      place[0] = (place[0] as number) ^ 1;
      expect(() => session.openInto(place, place, nonce, aad)).toThrow(expect.objectContaining({ code: "EBADMSG" }));
      expect(place).toEqual(new Uint8Array(80));
      expect(session.open(sealed, nonce, aad)).toEqual(pattern(64));
    },
  );

  test("accepts CCM nonces of 7 to 13 bytes", () => {
    const session = device.aead("aes-ccm", pattern(16));
    for (let size = 7; size <= 13; size += 1) {
      const sealed = session.seal(pattern(50), pattern(size));
      expect(session.open(sealed, pattern(size))).toEqual(pattern(50));
    }
    expect(session.seal(new Uint8Array(65535), pattern(13))).toHaveLength(65535 + 16);
    expect(session.nonceSize).toEqual({ min: 7, max: 13 });
  });

  test("seals a GCM message of more than 2 ** 24 bytes, too long for the same nonce in CCM", () => {
    const session = device.aead("aes-128-gcm", pattern(16));
    const data = new Uint8Array(2 ** 24);
    const sealed = session.seal(data, pattern(12));
    expect(sealed).toHaveLength(2 ** 24 + 16);
    const direct = createCipheriv("aes-128-gcm", pattern(16), pattern(12));
    direct.update(data);
    direct.final();
    expect(toHex(sealed.subarray(-16))).toBe(direct.getAuthTag().toString("hex"));
  });

  test("reports its driver and its sizes", () => {
    const session = device.aead("aes-256-gcm", pattern(32), { tagSize: 12 });
    expect(session).toMatchObject({ name: "aes-256-gcm", tagSize: 12, nonceSize: { min: 12, max: 12 } });
    expect(session.info().cipher?.name).toBe("gcm(aes)");
    expect(session.info().mac).toBeUndefined();
  });

  test("refuses arguments of the wrong size", () => {
    const gcm = device.aead("aes-gcm", pattern(16));
    const ccm = device.aead("aes-ccm", pattern(16));
    const nonce = pattern(12);
    const refusals: readonly (readonly [() => unknown, string])[] = [
      [() => device.aead("aes-gcm", pattern(15)), "key for aes-gcm: expected 16, 24 or 32 bytes, got 15"],
      [
        () => device.aead("aes-gcm", pattern(16), { tagSize: 5 }),
        "tag size for aes-gcm: expected 4, 8, 12, 13, 14, 15 or 16 bytes, got 5",
      ],
      [
        () => device.aead("aes-ccm", pattern(16), { tagSize: 7 }),
        "tag size for aes-ccm: expected 4, 6, 8, 10, 12, 14 or 16 bytes, got 7",
      ],
      [() => device.aead("aes-cbc" as AeadName, pattern(16)), 'aead: expected one of aes-gcm, aes-ccm; got "aes-cbc"'],
      [() => gcm.seal(pattern(1), pattern(11)), "nonce for aes-gcm: expected 12 bytes, got 11"],
      [() => ccm.seal(pattern(1), pattern(14)), "nonce for aes-ccm: expected 7 to 13 bytes, got 14"],
      [
        () => ccm.seal(new Uint8Array(65536), pattern(13)),
        "source for aes-ccm: expected at most 65535 bytes with a nonce of 13 bytes, got 65536",
      ],
      [
        () => gcm.seal(pattern(1), nonce, new Uint8Array(4097)),
        "aad for aes-gcm: expected at most 4096 bytes, got 4097",
      ],
      [
        () => gcm.sealInto(pattern(16), new Uint8Array(31), nonce),
        "destination for aes-gcm: expected at least 32 bytes, got 31",
      ],
      [
        () => gcm.openInto(pattern(32), new Uint8Array(16), nonce),
        "destination for aes-gcm: expected at least 32 bytes, got 16",
      ],
      [() => gcm.open(pattern(15), nonce), "source for aes-gcm: expected at least the tag's 16 bytes, got 15"],
      [() => gcm.decrypt(pattern(16), pattern(15), nonce), "tag for aes-gcm: expected 16 bytes, got 15"],
    ];
    for (const [call, message] of refusals) expect(call).toThrow(new RangeError(message));
    const memory = pattern(64);
    const overlap = "destination for aes-gcm: expected the source itself or memory apart from it, got an overlap";
    expect(() => gcm.sealInto(memory.subarray(1, 17), memory, nonce)).toThrow(new RangeError(overlap));
    // The tag would overwrite the source, although the data would not.
    expect(() => gcm.sealInto(memory.subarray(20, 36), memory.subarray(0, 32), nonce)).toThrow(new RangeError(overlap));
    // The aad is read before anything is written.
    const [fresh, aad] = [pattern(64), pattern(64).subarray(8, 12)];
    gcm.sealInto(pattern(16), fresh, nonce, fresh.subarray(8, 12));
    expect(toHex(fresh.subarray(0, 32))).toBe(toHex(gcm.seal(pattern(16), nonce, aad)));
  });
});

test("device.aead() never sends a tag size that would crash the kernel", () => {
  const device = Device.open(new SoftwareHost());
  for (const tagSize of [0, 1, 3, 5, 7, 17, -4, 4.5, Number.NaN, "16" as unknown as number]) {
    expect(() => device.aead("aes-gcm", pattern(16), { tagSize })).toThrow(RangeError);
  }
  device.close();
});
