import { createCipheriv, createHmac } from "node:crypto";
import { AuthenticationError, type Device, type TlsCipherName } from "@cryptodev/core";
import { describe, expect } from "vitest";
import { backends } from "../backends.ts";
import { pattern, toHex } from "../bytes.ts";
import { testOn } from "../device_fixture.ts";

const [key, macKey, iv, header] = [pattern(16, 5), pattern(20, 9), pattern(16, 1), pattern(13)];
const changed = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, index) => (index === at ? byte ^ 0x40 : byte));

const start = (device: Device) => device.tls({ cipher: "aes-128-cbc", key, mac: "hmac-sha1", macKey });

/** Builds a record with node:crypto. */
function recordOf(fragment: Uint8Array, start: Uint8Array = iv, covered: Uint8Array = header): string {
  const mac = createHmac("sha1", macKey).update(covered).update(fragment).digest();
  const padding = 16 - ((fragment.length + 20) % 16);
  const cipher = createCipheriv("aes-128-cbc", key, start).setAutoPadding(false);
  return cipher.update(Buffer.concat([fragment, mac, new Uint8Array(padding).fill(padding - 1)])).toString("hex");
}

describe.each(backends)("on the $name,", (backend) => {
  const test = testOn(backend);

  // The last size does not go through the arena.
  test.for([0, 1, 44, 60, 1000, 5000])(
    "TlsCipher.seal() encrypts %i bytes, mac and the shortest padding (RFC 5246, section 6.2.3.2)",
    (size, { device }) => {
      const tls = start(device);
      const record = tls.seal(pattern(size), { header, iv });
      expect(toHex(record)).toBe(recordOf(pattern(size)));
      expect(toHex(tls.open(record, { header, iv }))).toBe(toHex(pattern(size)));
      expect(tls).toMatchObject({ name: "aes-128-cbc", mac: "hmac-sha1", macSize: 20, blockSize: 16, overhead: 36 });
    },
  );

  test.for([0, 100, 5000])(
    "TlsCipher.sealInto() and openInto() work in place and in separate memory, with %i bytes",
    (size, { device }) => {
      const tls = start(device);
      const expected = recordOf(pattern(size));
      const length = expected.length / 2;

      const memory = new Uint8Array(size + tls.overhead + 5).fill(0xee);
      memory.set(pattern(size));
      expect(tls.sealInto(memory.subarray(0, size), memory, { header, iv })).toBe(length);
      expect(toHex(memory.subarray(0, length))).toBe(expected);
      expect(toHex(memory.subarray(size + tls.overhead))).toBe("eeeeeeeeee");
      const record = memory.subarray(0, length);
      expect(tls.openInto(record, memory, { header, iv })).toBe(size);
      expect(toHex(memory.subarray(0, size))).toBe(toHex(pattern(size)));

      const [fragment, separate] = [pattern(size), new Uint8Array(size + tls.overhead + 5).fill(0xee)];
      expect(tls.sealInto(fragment, separate, { header, iv })).toBe(length);
      expect(toHex(separate.subarray(0, length))).toBe(expected);
      expect(toHex(separate.subarray(size + tls.overhead))).toBe("eeeeeeeeee");
      expect(toHex(fragment)).toBe(toHex(pattern(size)));
      const sealed = separate.slice(0, length);
      const opened = new Uint8Array(length + 5).fill(0xee);
      expect(tls.openInto(sealed, opened, { header, iv })).toBe(size);
      expect(toHex(opened.subarray(0, size))).toBe(toHex(pattern(size)));
      expect(toHex(opened.subarray(length))).toBe("eeeeeeeeee");
      expect(toHex(sealed)).toBe(expected);
    },
  );

  test.for([64, 5000])(
    "TlsCipher.sealInto() and openInto() read a header or an iv in the destination before they write there, with %i bytes",
    (size, { device }) => {
      const tls = start(device);
      for (const isInPlace of [false, true]) {
        const memory = pattern(size + 100);
        const source = isInPlace ? memory.subarray(0, size) : pattern(size, 77);
        const expected = recordOf(source, pattern(size + 100).subarray(20, 36), pattern(size + 100).subarray(0, 13));
        const length = tls.sealInto(source, memory, { header: memory.subarray(0, 13), iv: memory.subarray(20, 36) });
        expect(toHex(memory.subarray(0, length))).toBe(expected);

        const record = memory.slice(0, length);
        memory.set(pattern(size + 100).subarray(0, 50));
        if (isInPlace) continue;
        const message = { header: memory.subarray(0, 13), iv: memory.subarray(20, 36) };
        expect(tls.openInto(record, memory, message)).toBe(size);
        expect(toHex(memory.subarray(0, size))).toBe(toHex(source));
      }
    },
  );

  test.for([100, 5000])(
    "TlsCipher.open() and openInto() refuse every change with an AuthenticationError and wipe the record, with %i bytes",
    (size, { device }) => {
      const tls = start(device);
      const record = tls.seal(pattern(size), { header, iv });
      for (let at = 0; at < record.length; at += Math.ceil(record.length / 15)) {
        const forged = changed(record, at);
        const destination = new Uint8Array(record.length + 4).fill(0xee);
        expect(() => tls.openInto(forged, destination, { header, iv })).toThrow(AuthenticationError);
        expect(toHex(destination)).toBe(`${"00".repeat(record.length)}eeeeeeee`);
        expect(toHex(forged)).toBe(toHex(changed(record, at)));
        expect(() => tls.openInto(forged, forged, { header, iv })).toThrow(AuthenticationError);
        expect(forged.every((byte) => byte === 0)).toBe(true);
      }
      expect(() => tls.open(record, { header: pattern(13, 4), iv })).toThrow(AuthenticationError);
      expect(toHex(tls.open(record, { header, iv }))).toBe(toHex(pattern(size)));
    },
  );

  test("TlsCipher.sealInto() and openInto() refuse a partial overlap", ({ device }) => {
    const tls = start(device);
    const memory = pattern(256);
    const overlap = "destination for aes-128-cbc: expected the source itself or memory apart from it, got an overlap";
    for (const call of [
      () => tls.sealInto(memory.subarray(1, 65), memory, { header, iv }),
      () => tls.sealInto(memory.subarray(0, 64), memory.subarray(63), { header, iv }),
      // Only mac and padding would overwrite it.
      () => tls.sealInto(memory.subarray(80, 144), memory, { header, iv }),
      () => tls.openInto(memory.subarray(16, 80), memory, { header, iv }),
      () => tls.openInto(memory.subarray(0, 64), memory.subarray(1), { header, iv }),
    ]) {
      expect(call).toThrow(new RangeError(overlap));
    }
    expect(memory).toEqual(pattern(256));
  });

  test("TlsCipher refuses arguments of invalid sizes, a missing iv or header, and algorithms that TLS does not use", ({
    device,
  }) => {
    const tls = start(device);
    expect(() => tls.sealInto(pattern(15), pattern(50), { header, iv })).toThrow(
      new RangeError("destination for aes-128-cbc: expected at least 51 bytes, got 50"),
    );
    expect(() => tls.openInto(pattern(32), pattern(31), { header, iv })).toThrow(
      new RangeError("destination for aes-128-cbc: expected at least 32 bytes, got 31"),
    );
    expect(() => tls.open(pattern(17), { header, iv })).toThrow(RangeError);
    expect(() => tls.open(new Uint8Array(), { header, iv })).toThrow(RangeError);
    expect(() => tls.seal(pattern(1), { header: new Uint8Array(4097), iv })).toThrow(RangeError);
    expect(() => tls.seal(pattern(1), { header, iv: pattern(15) })).toThrow(RangeError);
    const none = undefined as unknown as Uint8Array;
    expect(() => tls.seal(pattern(1), { header, iv: none })).toThrow(
      new TypeError("iv for aes-128-cbc: expected 16 bytes, got none"),
    );
    expect(() => tls.seal(pattern(1), { header: none, iv })).toThrow(TypeError);
    expect(() => tls.seal(pattern(1), none as unknown as { header: Uint8Array; iv: Uint8Array })).toThrow(TypeError);
    const mac = "hmac-sha1";
    expect(() => device.tls({ cipher: "aes-128-ctr" as TlsCipherName, key, mac, macKey })).toThrow(/^cipher for tls: /);
    expect(() => device.tls({ cipher: "aes-128-cbc", key, mac: "sha3" as "sha1", macKey })).toThrow(RangeError);
    expect(() => device.tls({ cipher: "aes-128-cbc", key, mac, macKey: none })).toThrow(TypeError);
  });
});
