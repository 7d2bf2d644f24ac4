import { createCipheriv, createHmac } from "node:crypto";
import { AuthenticationError, type Device, type SrtpCipherName } from "@cryptodev/core";
import { describe, expect } from "vitest";
import { backends } from "../backends.ts";
import { pattern, toHex } from "../bytes.ts";
import { testOn } from "../device_fixture.ts";

const [key, macKey, iv] = [pattern(16, 5), pattern(20, 9), pattern(16, 1)];
const changed = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, index) => (index === at ? byte ^ 0x40 : byte));

const start = (device: Device, tagSize?: number) =>
  device.srtp({ cipher: "aes-128-ctr", key, mac: "hmac-sha1", macKey, tagSize });

/** Seals a packet with node:crypto. */
function sealedOf(packet: Uint8Array, headerSize: number, tagSize: number, start: Uint8Array = iv): string {
  const cipher = createCipheriv("aes-128-ctr", key, start);
  const encrypted = Buffer.concat([packet.subarray(0, headerSize), cipher.update(packet.subarray(headerSize))]);
  const tag = createHmac("sha1", macKey).update(encrypted).digest().subarray(0, tagSize);
  return encrypted.toString("hex") + tag.toString("hex");
}

describe.each(backends)("on the $name,", (backend) => {
  const test = testOn(backend);

  // The larger size does not go through the arena.
  const sizes = [0, 1, 12, 256].flatMap((headerSize) => [99, 5000].map((size) => [headerSize, size] as const));
  test.for(sizes)(
    "SrtpCipher.seal() and open() process a header of %i and a payload of %i bytes (RFC 3711, section 3.3)",
    ([headerSize, size], { device }) => {
      const srtp = start(device, 10);
      const packet = pattern(headerSize + size);
      const expected = sealedOf(packet, headerSize, 10);
      const sealed = srtp.seal(packet, { headerSize, iv });
      expect(toHex(sealed)).toBe(expected);
      expect(toHex(srtp.open(sealed, { headerSize, iv }))).toBe(toHex(packet));
      expect(srtp).toMatchObject({ name: "aes-128-ctr", mac: "hmac-sha1", tagSize: 10 });
    },
  );

  test.for(sizes)(
    "SrtpCipher.sealInto() and openInto() work in place and in separate memory, with a header of %i and %i bytes",
    ([headerSize, size], { device }) => {
      const srtp = start(device, 10);
      const packet = pattern(headerSize + size);
      const expected = sealedOf(packet, headerSize, 10);
      const [length, whole] = [packet.length, packet.length + 10];

      const memory = new Uint8Array(whole + 4).fill(0xee);
      memory.set(packet);
      expect(srtp.sealInto(memory.subarray(0, length), memory, { headerSize, iv })).toBe(whole);
      expect(toHex(memory)).toBe(`${expected}eeeeeeee`);
      const sealed = memory.subarray(0, whole);
      expect(srtp.openInto(sealed, sealed, { headerSize, iv })).toBe(length);
      expect(toHex(memory.subarray(0, length))).toBe(toHex(packet));

      const separate = new Uint8Array(whole + 4).fill(0xee);
      expect(srtp.sealInto(packet, separate, { headerSize, iv })).toBe(whole);
      expect(toHex(separate)).toBe(`${expected}eeeeeeee`);
      expect(toHex(packet)).toBe(toHex(pattern(length)));
      const copy = separate.slice(0, whole);
      const opened = new Uint8Array(whole + 4).fill(0xee);
      expect(srtp.openInto(copy, opened, { headerSize, iv })).toBe(length);
      expect(toHex(opened.subarray(0, length))).toBe(toHex(packet));
      expect(toHex(opened.subarray(whole))).toBe("eeeeeeee");
      expect(toHex(copy)).toBe(expected);
    },
  );

  test.for([236, 5000])(
    "SrtpCipher.sealInto() and openInto() read an iv in the destination before they write there, with %i bytes",
    (size, { device }) => {
      const srtp = start(device);
      for (const isInPlace of [false, true]) {
        const memory = pattern(size + 20);
        const start = pattern(size + 20).subarray(100, 116);
        const source = isInPlace ? memory.subarray(0, size) : pattern(size, 77);
        const expected = sealedOf(source, 12, 20, start);
        srtp.sealInto(source, memory, { headerSize: 12, iv: memory.subarray(100, 116) });
        expect(toHex(memory)).toBe(expected);
        const sealed = memory.slice();
        memory.set(start, 100);
        if (isInPlace) continue;
        expect(srtp.openInto(sealed, memory, { headerSize: 12, iv: memory.subarray(100, 116) })).toBe(size);
        expect(toHex(memory.subarray(0, size))).toBe(toHex(source));
      }
    },
  );

  test.for([60, 5000])(
    "SrtpCipher.open() and openInto() refuse every change with an AuthenticationError and wipe the payload, with %i bytes",
    (size, { device }) => {
      const srtp = start(device);
      const sealed = srtp.seal(pattern(size), { headerSize: 12, iv });
      for (let at = 0; at < sealed.length; at += Math.ceil(sealed.length / 12)) {
        const forged = changed(sealed, at);
        expect(() => srtp.open(forged, { headerSize: 12, iv })).toThrow(AuthenticationError);
        const destination = new Uint8Array(sealed.length).fill(0xee);
        expect(() => srtp.openInto(forged, destination, { headerSize: 12, iv })).toThrow(AuthenticationError);
        expect(destination.subarray(12, size).every((byte) => byte === 0)).toBe(true);
        expect(toHex(forged)).toBe(toHex(changed(sealed, at)));
        expect(() => srtp.openInto(forged, forged, { headerSize: 12, iv })).toThrow(AuthenticationError);
        expect(forged.subarray(12, size).every((byte) => byte === 0)).toBe(true);
      }
      expect(toHex(srtp.open(sealed, { headerSize: 12, iv }))).toBe(toHex(pattern(size)));
    },
  );

  test("SrtpCipher.sealInto() and openInto() refuse a partial overlap", ({ device }) => {
    const srtp = start(device);
    const memory = pattern(256);
    const overlap = "destination for aes-128-ctr: expected the source itself or memory apart from it, got an overlap";
    const message = { headerSize: 12, iv };
    for (const call of [
      () => srtp.sealInto(memory.subarray(1, 65), memory, message),
      () => srtp.sealInto(memory.subarray(0, 64), memory.subarray(63), message),
      // Only the tag would overwrite it.
      () => srtp.sealInto(memory.subarray(70, 134), memory, message),
      () => srtp.openInto(memory.subarray(16, 80), memory, message),
      () => srtp.openInto(memory.subarray(0, 64), memory.subarray(1), message),
    ]) {
      expect(call).toThrow(new RangeError(overlap));
    }
    expect(memory).toEqual(pattern(256));
  });

  test("SrtpCipher refuses packets of invalid sizes, a missing iv, and algorithms that SRTP does not use", ({
    device,
  }) => {
    const srtp = start(device);
    expect(() => srtp.seal(pattern(300), { headerSize: 257, iv })).toThrow(
      new RangeError("header for aes-128-ctr: expected 0 to 256 bytes, got 257"),
    );
    for (const headerSize of [-1, 1.5, Number.NaN]) {
      expect(() => srtp.seal(pattern(99), { headerSize, iv })).toThrow(RangeError);
      expect(() => srtp.openInto(pattern(99), pattern(99), { headerSize, iv })).toThrow(RangeError);
    }
    expect(() => srtp.seal(pattern(99), { iv } as { headerSize: number; iv: Uint8Array })).toThrow(RangeError);
    expect(() => srtp.seal(pattern(12), { headerSize: 12, iv })).toThrow(RangeError);
    expect(() => srtp.open(pattern(20), { headerSize: 0, iv })).toThrow(RangeError);
    expect(() => srtp.sealInto(pattern(60), pattern(79), { headerSize: 12, iv })).toThrow(
      new RangeError("destination for aes-128-ctr: expected at least 80 bytes, got 79"),
    );
    expect(() => srtp.openInto(pattern(80), pattern(79), { headerSize: 12, iv })).toThrow(
      new RangeError("destination for aes-128-ctr: expected at least 80 bytes, got 79"),
    );
    expect(() => srtp.seal(pattern(60), { headerSize: 12, iv: undefined as unknown as Uint8Array })).toThrow(
      new TypeError("iv for aes-128-ctr: expected 16 bytes, got none"),
    );
    for (const tagSize of [0, 21, 1.5]) expect(() => start(device, tagSize)).toThrow(RangeError);
    const cipher = "aes-128-cbc" as SrtpCipherName;
    expect(() => device.srtp({ cipher, key, mac: "hmac-sha1", macKey })).toThrow(/^cipher for srtp: /);
  });
});
