import { Device } from "@cryptodev/core";
import { type Argument, byteLengthOf, Call, traced } from "@cryptodev/core/host";
import { SoftwareHost } from "@cryptodev/soft";
import { beforeEach, describe, expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";

/* Which memory the kernel receives: that of the library for small data, the program's own for large data. */

const [key, iv, nonce] = [pattern(16, 5), pattern(16, 9), pattern(12, 3)];

/** Records the memory that each operation points to. */
class WatchingHost extends SoftwareHost {
  /** The buffers that operations pointed to, and the sizes of the views on them. */
  named: { readonly buffer: ArrayBufferLike; readonly size: number }[] = [];
  /** Overrides the addresses of some views. */
  aliases: ((bytes: Uint8Array) => number | undefined) | undefined;

  override ioctl(fd: number, request: number, argument: Argument | null): number {
    if (argument instanceof Call && argument.ioctl.argument.name.startsWith("crypt_")) {
      for (const view of argument.pointees) {
        if (view !== null) this.named.push({ buffer: view.buffer, size: byteLengthOf(view) });
      }
    }
    return super.ioctl(fd, request, argument);
  }

  override addressOf(bytes: Uint8Array, argument?: Argument): number {
    return this.aliases?.(bytes) ?? super.addressOf(bytes, argument);
  }
}

let host: WatchingHost;
let device: Device;
beforeEach(() => {
  host = new WatchingHost();
  device = Device.open(host);
});

describe("small data is copied to memory of the library, which the kernel gets:", () => {
  const own = (call: (source: Uint8Array, destination: Uint8Array) => void, size: number): void => {
    const [source, destination] = [pattern(size), new Uint8Array(size + 64)];
    host.named = [];
    call(source, destination);
    const theirs: ArrayBufferLike[] = [source.buffer, destination.buffer, iv.buffer, nonce.buffer, key.buffer];
    expect(host.named.length).toBeGreaterThan(0);
    expect(host.named.filter(({ buffer }) => theirs.includes(buffer))).toEqual([]);
  };

  test.each([16, 1024, 4096])("%i bytes in every kind of session", (size) => {
    const cipher = device.cipher("aes-cbc", key);
    const withMac = device.cipherWithMac({ cipher: "aes-cbc", key, mac: "hmac-sha1", macKey: key });
    const gcm = device.aead("aes-gcm", key);
    const managed = device.aead("aes-gcm", key, { managedNonce: true });
    const hash = device.hash("sha256");
    const hmac = device.hmac("sha1", key);
    const tls = device.tls({ cipher: "aes-cbc", key, mac: "hmac-sha1", macKey: key });
    const srtp = device.srtp({ cipher: "aes-ctr", key, mac: "hmac-sha1", macKey: key });
    own((source) => cipher.encrypt(source, iv), size);
    own((source, destination) => cipher.encryptInto(source, destination, iv), size);
    own((source) => cipher.encryptor(iv).update(source), size);
    own((source, destination) => withMac.encryptInto(source, destination, { mac: new Uint8Array(20), iv }), size);
    own((source, destination) => gcm.sealInto(source, destination, { nonce, aad: key }), size);
    own((source) => gcm.seal(source, { nonce, detached: true }), size);
    own((source, destination) => managed.sealInto(source, destination), size);
    own((source) => hmac.verify(source, new Uint8Array(20)), size);
    own((source) => hash.digest(source), size);
    own((source) => hash.update(source), size);
    own((source, destination) => tls.sealInto(source, destination, { header: key, iv }), size);
    own((_, destination) => tls.sealInto(destination.subarray(0, size), destination, { header: key, iv }), size);
    own((source, destination) => srtp.sealInto(source, destination, { headerSize: 2, iv }), size);
    own((_, destination) => srtp.sealInto(destination.subarray(0, size), destination, { headerSize: 2, iv }), size);
  });
});

describe("large data of a session", () => {
  test("is passed to the kernel as a view of exactly the bytes that were measured", () => {
    const [source, destination] = [pattern(8192), new Uint8Array(10_000)];
    device.cipher("aes-cbc", key).encryptInto(source, destination, iv);
    const sizeIn = (buffer: ArrayBufferLike) => host.named.find((named) => named.buffer === buffer)?.size;
    expect([sizeIn(source.buffer), sizeIn(destination.buffer)]).toEqual([8192, 8192]);
  });

  test("overlaps if the addresses do, also in two buffers over one memory", () => {
    // Shared WebAssembly memory has several buffer objects over the same bytes.
    const [one, other] = [new Uint8Array(65536), new Uint8Array(65536)];
    host.aliases = (bytes) =>
      bytes.buffer === one.buffer || bytes.buffer === other.buffer ? 2 ** 45 + bytes.byteOffset : undefined;
    const aes = device.cipher("aes-cbc", key);
    const before = host.named.length;
    for (const [from, to] of [
      [one.subarray(0, 8192), other.subarray(16, 8208)],
      [one.subarray(16, 8208), other.subarray(0, 8192)],
      [one.subarray(0, 8192), other.subarray(8176)],
    ] as const) {
      expect(() => aes.encryptInto(from, to, iv)).toThrow(
        new RangeError("destination for aes-cbc: expected the source itself or memory apart from it, got an overlap"),
      );
    }
    expect(host.named.length).toBe(before);
  });

  test("that is refused leaves the pointers of the next operation complete", () => {
    const [one, other] = [new Uint8Array(65536), new Uint8Array(65536)];
    host.aliases = (bytes) =>
      bytes.buffer === one.buffer || bytes.buffer === other.buffer ? 2 ** 45 + bytes.byteOffset : undefined;
    const gcm = device.aead("aes-gcm", key);
    const [message, aad] = [pattern(8192), pattern(20)];
    const expected = toHex(Device.open(new SoftwareHost()).aead("aes-gcm", key).seal(message, { nonce, aad }));
    for (const size of [8192, 8192, 64]) {
      expect(() => gcm.sealInto(one.subarray(0, 8192), other.subarray(16), { nonce, aad })).toThrow(/overlap/);
      expect(() => gcm.openInto(one.subarray(0, 8192), other.subarray(16), { nonce, aad })).toThrow(/overlap/);
      if (size === 8192) expect(toHex(gcm.seal(message, { nonce, aad }))).toBe(expected);
      else expect(gcm.open(gcm.seal(message.subarray(0, size), { nonce, aad }), { nonce, aad })).toHaveLength(size);
    }
  });

  test.each([
    ["source", 2 ** 29 + 16],
    ["source", 2 ** 31],
  ])("is refused with the limit if it exceeds one call: %s of %i bytes", (_, size) => {
    const memory = new Uint8Array(size);
    const limit = "expected at most 131072 pages of 4096 bytes for source and destination together";
    const refused = (call: () => unknown, role: string): void => {
      expect(call).toThrow(new RegExp(`^${role}: ${limit}`));
      expect(call).toThrow(RangeError);
    };
    const gcm = device.aead("aes-gcm", key);
    const tls = device.tls({ cipher: "aes-cbc", key, mac: "hmac-sha1", macKey: key });
    const srtp = device.srtp({ cipher: "aes-ctr", key, mac: "hmac-sha1", macKey: key });
    const [record, packet] = [
      { header: key, iv },
      { headerSize: 12, iv },
    ];
    refused(() => gcm.seal(memory, { nonce }), "source for aes-gcm");
    refused(() => gcm.seal(memory, { nonce, detached: true }), "source for aes-gcm");
    refused(() => gcm.open(memory, { nonce }), "source for aes-gcm");
    refused(() => gcm.open(memory, { nonce, tag: key }), "source for aes-gcm");
    refused(() => gcm.openInto(memory, memory, { nonce }), "source for aes-gcm");
    refused(() => gcm.sealInto(memory, memory, { nonce }), "source for aes-gcm");
    refused(() => tls.seal(memory, record), "fragment for aes-cbc");
    refused(() => tls.sealInto(memory.subarray(0, size - 36), memory, record), "fragment for aes-cbc");
    refused(() => tls.open(memory, record), "record for aes-cbc");
    refused(() => tls.openInto(memory, memory, record), "record for aes-cbc");
    refused(() => srtp.seal(memory, packet), "packet for aes-ctr");
    refused(() => srtp.sealInto(memory.subarray(0, size - 20), memory, packet), "packet for aes-ctr");
    refused(() => srtp.open(memory, packet), "packet for aes-ctr");
    refused(() => srtp.openInto(memory, memory, packet), "packet for aes-ctr");
    expect(() => device.cipher("aes-xts", pattern(32)).encryptInto(memory, memory, iv)).toThrow(
      /a sector cannot be divided/,
    );
    expect(host.named).toEqual([]);
  });

  test("is limited by the pages that it touches: the most is accepted in place, and one more byte is refused", () => {
    const memory = new Uint8Array(2 ** 29 + 4096);
    const tls = device.tls({ cipher: "aes-cbc", key, mac: "hmac-sha1", macKey: key });
    host.ioctl = () => 0;
    let start = 2 ** 45;
    host.aliases = (bytes) => (bytes.buffer === memory.buffer ? start + bytes.byteOffset : undefined);
    expect(tls.openInto(memory.subarray(0, 2 ** 29), memory, { header: key, iv })).toBe(2 ** 29);
    start += 4095;
    expect(() => tls.openInto(memory.subarray(0, 2 ** 29), memory, { header: key, iv })).toThrow(
      /^source for aes-cbc: expected at most/,
    );
  });
});

describe("a trace of a device", () => {
  test("that uses the device in the middle of a call is refused, and changes nothing", () => {
    let inside: (() => void) | undefined;
    const errors: unknown[] = [];
    const watched = Device.open(
      traced(host, () => {
        const run = inside;
        inside = undefined;
        try {
          run?.();
        } catch (error) {
          errors.push(error);
        }
      }),
    );
    const aes = watched.cipher("aes-cbc", key);
    const expected = toHex(aes.encrypt(pattern(32), iv));
    for (const use of [
      () => aes.encrypt(pattern(64, 77), iv),
      () => watched.hash("sha1"),
      () => aes.info(),
      () => aes.close(),
      () => watched.close(),
      () => watched.clone(),
    ]) {
      inside = use;
      expect(toHex(aes.encrypt(pattern(32), iv))).toBe(expected);
    }
    expect(errors).toHaveLength(6);
    for (const error of errors) expect(error).toMatchObject({ name: "BusyError" });
    expect(aes.closed).toBe(false);
    watched.close();
  });

  test("that throws becomes a warning, and the operation still returns its result", () => {
    const warnings: string[] = [];
    host.warn = (message) => warnings.push(message);
    const failing = Device.open(
      traced(host, () => {
        throw new Error("disk full");
      }),
    );
    const aes = failing.cipher("aes-cbc", key);
    expect(toHex(aes.encrypt(pattern(32), iv))).toBe(toHex(device.cipher("aes-cbc", key).encrypt(pattern(32), iv)));
    expect(new Set(warnings)).toEqual(new Set(["the trace of a device failed: disk full"]));
    host.warn = () => {
      throw new Error("nowhere to warn");
    };
    expect(aes.encrypt(pattern(32), iv)).toHaveLength(32);
    failing.close();
  });
});

test("Session.statistics is a copy, and changing it does not affect the session", () => {
  const counting = Device.open(host, { statistics: true });
  const aes = counting.cipher("aes-cbc", key);
  const before = Object.freeze(aes.statistics);
  aes.encrypt(pattern(32), iv);
  expect(before).toEqual({ operations: 0, bytes: 0, largest: 0, average: 0, copied: 0 });
  expect(JSON.parse(JSON.stringify(aes.statistics))).toEqual({
    operations: 1,
    bytes: 32,
    largest: 32,
    average: 32,
    copied: 0,
  });
  counting.close();
});
