import { createCipheriv, createHmac } from "node:crypto";
import { Device, type SrtpCipherName, type TlsCipherName } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { backends } from "../backends.ts";
import { pattern, toHex } from "../bytes.ts";

const [key, mackey, iv, header] = [pattern(16, 5), pattern(20, 9), pattern(16, 1), pattern(13)];
const badMessage = expect.objectContaining({ name: "CryptodevError", code: "EBADMSG", ioctl: "CIOCAUTHCRYPT" });
const changed = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, index) => (index === at ? byte ^ 0x40 : byte));

describe.each(backends)("on the $name,", (backend) => {
  let device: Device;
  beforeEach(() => {
    device = backend.open();
  });
  afterEach(() => device.close());

  describe("a TLS session", () => {
    const start = () => device.tls("aes-128-cbc", key, "hmac-sha1", mackey);

    test.each([0, 1, 44, 60, 1000])(
      "seals %i bytes to data, mac and the shortest padding, encrypted (RFC 5246, section 6.2.3.2)",
      (size) => {
        const tls = start();
        const mac = createHmac("sha1", mackey).update(header).update(pattern(size)).digest();
        const padding = 16 - ((size + 20) % 16);
        const cipher = createCipheriv("aes-128-cbc", key, iv).setAutoPadding(false);
        const plain = [...pattern(size), ...mac, ...new Uint8Array(padding).fill(padding - 1)];
        const record = tls.seal(pattern(size), header, iv);
        expect(toHex(record)).toBe(cipher.update(Uint8Array.from(plain)).toString("hex"));
        expect(tls.open(record, header, iv)).toEqual(pattern(size));
      },
    );

    test("works in place, and refuses every change with EBADMSG and wipes the record", () => {
      const tls = start();
      const memory = new Uint8Array(100 + tls.overhead);
      memory.set(pattern(100));
      const size = tls.sealInPlace(memory, 100, header, iv);
      expect(size).toBe(128);
      const record = memory.slice(0, size);
      for (let at = 0; at < size; at += 9) {
        const forged = changed(record, at);
        expect(() => tls.openInPlace(forged, header, iv)).toThrow(badMessage);
        expect(forged).toEqual(new Uint8Array(size));
      }
      expect(() => tls.open(record, pattern(13, 4), iv)).toThrow(badMessage);
      expect(tls.openInPlace(record, header, iv)).toBe(100);
      expect(record.subarray(0, 100)).toEqual(pattern(100));
    });

    test("refuses records of invalid sizes, and algorithms that TLS does not use", () => {
      const tls = start();
      expect(() => tls.sealInPlace(pattern(50), 15, header, iv)).toThrow(
        new RangeError("memory for aes-128-cbc: expected at least 51 bytes, got 50"),
      );
      for (const size of [-1, 1.5, Number.NaN])
        expect(() => tls.sealInPlace(pattern(99), size, header, iv)).toThrow(RangeError);
      expect(() => tls.open(pattern(17), header, iv)).toThrow(RangeError);
      expect(() => tls.open(new Uint8Array(), header, iv)).toThrow(RangeError);
      expect(() => tls.seal(pattern(1), new Uint8Array(4097), iv)).toThrow(RangeError);
      expect(() => tls.seal(pattern(1), header, pattern(15))).toThrow(RangeError);
      expect(() => tls.seal(pattern(1), header, undefined as unknown as Uint8Array)).toThrow(TypeError);
      expect(() => device.tls("aes-128-ctr" as TlsCipherName, key, "hmac-sha1", mackey)).toThrow(/in CBC mode/);
      expect(() => device.tls("aes-128-cbc", key, "sha3" as "sha1", mackey)).toThrow(RangeError);
    });
  });

  describe("an SRTP session", () => {
    const start = (tagSize?: number) => device.srtp("aes-128-ctr", key, "hmac-sha1", mackey, { tagSize });

    test.each([0, 1, 12, 256])("seals a packet with a header of %i bytes (RFC 3711, section 3.3)", (headerSize) => {
      const srtp = start(10);
      const packet = pattern(headerSize + 99);
      const cipher = createCipheriv("aes-128-ctr", key, iv);
      const encrypted = [...packet.subarray(0, headerSize), ...cipher.update(packet.subarray(headerSize))];
      const tag = createHmac("sha1", mackey).update(Uint8Array.from(encrypted)).digest("hex").slice(0, 20);
      const sealed = srtp.seal(packet, headerSize, iv);
      expect(toHex(sealed)).toBe(toHex(Uint8Array.from(encrypted)) + tag);
      expect(srtp.open(sealed, headerSize, iv)).toEqual(packet);
      srtp.openInPlace(sealed, headerSize, iv);
      expect(sealed.subarray(0, packet.length)).toEqual(packet);
      const memory = new Uint8Array([...packet, ...new Uint8Array(srtp.tagSize)]);
      srtp.sealInPlace(memory, headerSize, iv);
      expect(toHex(memory)).toBe(toHex(Uint8Array.from(encrypted)) + tag);
    });

    test("refuses every change with EBADMSG", () => {
      const srtp = start();
      const sealed = srtp.seal(pattern(60), 12, iv);
      for (let at = 0; at < sealed.length; at += 7)
        expect(() => srtp.open(changed(sealed, at), 12, iv)).toThrow(badMessage);
    });

    test("refuses packets of invalid sizes, and algorithms that SRTP does not use", () => {
      const srtp = start();
      expect(() => srtp.seal(pattern(300), 257, iv)).toThrow(
        new RangeError("header for aes-128-ctr: expected 0 to 256 bytes, got 257"),
      );
      for (const size of [-1, 1.5, Number.NaN]) expect(() => srtp.seal(pattern(99), size, iv)).toThrow(RangeError);
      expect(() => srtp.seal(pattern(12), 12, iv)).toThrow(RangeError);
      expect(() => srtp.open(pattern(20), 0, iv)).toThrow(RangeError);
      for (const tagSize of [0, 21, 1.5]) expect(() => start(tagSize)).toThrow(RangeError);
      expect(() => device.srtp("aes-128-cbc" as SrtpCipherName, key, "hmac-sha1", mackey)).toThrow(/in CTR mode/);
    });
  });
});

test("sealInPlace() reads a header or an iv inside its memory before it writes there", () => {
  const device = Device.open(new SoftwareHost());
  const [tlsKey, iv] = [pattern(16), pattern(16, 9)];
  const tls = device.tls("aes-cbc", tlsKey, "hmac-sha1", tlsKey);
  const srtp = device.srtp("aes-ctr", tlsKey, "hmac-sha1", tlsKey);
  const memory = pattern(256);
  const size = tls.sealInPlace(memory, 16, memory.subarray(0, 13), iv);
  expect(toHex(memory.subarray(0, size))).toBe(toHex(tls.seal(pattern(16), pattern(13), iv)));
  const packet = pattern(256);
  srtp.sealInPlace(packet, 12, packet.subarray(236, 252));
  expect(toHex(packet)).toBe(toHex(srtp.seal(pattern(236), 12, pattern(256).subarray(236, 252))));
  device.close();
});
