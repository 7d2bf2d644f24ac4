import { constants } from "node:buffer";
import { Device, type DeviceOptions } from "@cryptodev/core";
import { describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";
import { IdleHost } from "../idle_host.ts";
import { isRequired } from "../needs.ts";

/*
 * Lengths that crash every driver, or that it refuses with a misleading error: those that it counts in an `int`, those
 * that it counts in 32 bits, and those with more pages than its array of pages. The memory is never touched here, and
 * costs nothing.
 */

const PAGE = 4096;
/** Source and destination share one array of at most 4 MiB. */
const MAX_PAGES = 131_072;

const key = pattern(16);
const iv = pattern(16);
const nonce = pattern(12);
const header = pattern(13);

function start(options: DeviceOptions = {}) {
  const host = new IdleHost();
  return { host, device: Device.open(host, options) };
}

/** Allocates memory of that size, if this machine and this runtime have it. */
function memoryOf(size: number): Uint8Array<ArrayBuffer> | undefined {
  try {
    return new Uint8Array(size);
  } catch (error) {
    const most = (constants as { MAX_LENGTH?: number }).MAX_LENGTH ?? 0;
    if (isRequired("MEMORY") && size <= most) throw error;
    console.log(
      `skipped: ${size} bytes, because this runtime cannot allocate it: ${error} (REQUIRE_MEMORY=1 makes that a failure)`,
    );
    return undefined;
  }
}

const gcmOf = (device: Device) => device.aead("aes-gcm", key);
const managedOf = (device: Device) => device.aead("aes-gcm", key, { managedNonce: true });
const tlsOf = (device: Device) => device.tls({ cipher: "aes-cbc", key, mac: "hmac-sha1", macKey: key });
const srtpOf = (device: Device) => device.srtp({ cipher: "aes-ctr", key, mac: "hmac-sha1", macKey: key });

/** Every operation that goes to the driver in one call, over the first `size` bytes of memory. */
const single: Readonly<Record<string, (device: Device, memory: Uint8Array, size: number) => unknown>> = {
  "gcm seal": (device, memory, size) => gcmOf(device).seal(memory.subarray(0, size), { nonce }),
  "gcm seal detached": (device, memory, size) =>
    gcmOf(device).seal(memory.subarray(0, size), { nonce, detached: true }),
  "gcm sealInto in place": (device, memory, size) =>
    gcmOf(device).sealInto(memory.subarray(0, size), memory, { nonce }),
  "gcm open": (device, memory, size) => gcmOf(device).open(memory.subarray(0, size), { nonce }),
  "gcm open with a tag apart": (device, memory, size) =>
    gcmOf(device).open(memory.subarray(0, size), { nonce, tag: pattern(16) }),
  "gcm openInto in place": (device, memory, size) =>
    gcmOf(device).openInto(memory.subarray(0, size), memory, { nonce }),
  "managed seal": (device, memory, size) => managedOf(device).seal(memory.subarray(0, size)),
  "managed sealInto in place": (device, memory, size) =>
    managedOf(device).sealInto(memory.subarray(12, 12 + size), memory),
  "managed open": (device, memory, size) => managedOf(device).open(memory.subarray(0, size)),
  "managed openInto in place": (device, memory, size) =>
    managedOf(device).openInto(memory.subarray(0, size), memory.subarray(12)),
  "ccm sealInto in place": (device, memory, size) =>
    device.aead("aes-ccm", key).sealInto(memory.subarray(0, size), memory, { nonce: pattern(7) }),
  "tls seal": (device, memory, size) => tlsOf(device).seal(memory.subarray(0, size), { header, iv }),
  "tls sealInto in place": (device, memory, size) =>
    tlsOf(device).sealInto(memory.subarray(0, size), memory, { header, iv }),
  "tls open": (device, memory, size) => tlsOf(device).open(memory.subarray(0, size), { header, iv }),
  "tls openInto in place": (device, memory, size) =>
    tlsOf(device).openInto(memory.subarray(0, size), memory, { header, iv }),
  "srtp seal": (device, memory, size) => srtpOf(device).seal(memory.subarray(0, size), { headerSize: 12, iv }),
  "srtp sealInto in place": (device, memory, size) =>
    srtpOf(device).sealInto(memory.subarray(0, size), memory, { headerSize: 12, iv }),
  "srtp open": (device, memory, size) => srtpOf(device).open(memory.subarray(0, size + 20), { headerSize: 12, iv }),
  "srtp openInto in place": (device, memory, size) =>
    srtpOf(device).openInto(memory.subarray(0, size + 20), memory, { headerSize: 12, iv }),
  "xts encryptInto in place": (device, memory, size) =>
    device.cipher("aes-xts", pattern(32)).encryptInto(memory.subarray(0, size), memory.subarray(0, size), iv),
};

describe.each([
  ["one page more than the driver's array has", (MAX_PAGES + 1) * PAGE],
  ["2 ** 30", 2 ** 30],
  ["the largest multiple of 16 in an int", 2 ** 31 - 16],
  ["2 ** 31", 2 ** 31],
  ["2 ** 31 + 16", 2 ** 31 + 16],
  ["2 ** 32 - 16, which fits 32 bits", 2 ** 32 - 16],
  ["2 ** 32", 2 ** 32],
  ["2 ** 32 + 16, which is 16 in 32 bits", 2 ** 32 + 16],
  ["2 ** 33 + 48", 2 ** 33 + 48],
] as const)("one operation over %s (%i bytes)", (_name, size) => {
  test("is refused before the device is asked, with the limit in the message", () => {
    const memory = memoryOf(size + 64);
    if (memory === undefined) return;
    for (const [name, run] of Object.entries(single)) {
      const { host, device } = start();
      let error: unknown;
      try {
        run(device, memory, size);
      } catch (thrown) {
        error = thrown;
      }
      expect(host.vigil.faults, name).toEqual([]);
      expect(host.lengths, name).toEqual([]);
      expect(error, name).toBeInstanceOf(RangeError);
      expect((error as Error).message, name).toMatch(/at most \d+/);
      device.close();
    }
  });
});

test("SrtpCipher.sealInto() refuses a header longer than the packet, whatever its size is modulo 2 ** 32", () => {
  const { host, device } = start();
  const srtp = srtpOf(device);
  for (const headerSize of [2 ** 31, 2 ** 32, 2 ** 32 + 5, 2 ** 52, Number.MAX_SAFE_INTEGER, 2 ** 53, 1e300]) {
    const seal = () => srtp.sealInto(pattern(100), new Uint8Array(200), { headerSize, iv });
    expect(seal, String(headerSize)).toThrow(RangeError);
  }
  expect(host.lengths).toEqual([]);
  device.close();
});

test("AEAD operations are refused if source and destination together have too many pages", () => {
  const half = (MAX_PAGES / 2) * PAGE;
  for (const size of [half, half + PAGE]) {
    const [source, destination] = [memoryOf(size + 16), memoryOf(size + 16)];
    if (source === undefined || destination === undefined) return;
    const { host, device } = start();
    const gcm = gcmOf(device);
    expect(() => gcm.sealInto(source.subarray(0, size), destination, { nonce })).toThrow(RangeError);
    expect(() => gcm.openInto(source, destination, { nonce })).toThrow(RangeError);
    expect(host.lengths).toEqual([]);
    device.close();
  }
});

test("operations within the limits of the driver are sent in one call", () => {
  const { host, device } = start();
  const memory = memoryOf(2 ** 26 + 64);
  if (memory === undefined) return;
  const size = 2 ** 26;
  for (const [name, run] of Object.entries(single)) {
    if (name.startsWith("xts")) continue;
    const before = host.lengths.length;
    try {
      run(device, memory, size);
    } catch {
      // The library may report a result that the idle device did not compute as forged.
    }
    expect(host.lengths.length - before, name).toBe(1);
  }
  expect(host.vigil.faults).toEqual([]);
  device.close();
});

const sum = (lengths: readonly number[]) => lengths.reduce((all, length) => all + length, 0);

describe("data that is too long for one call is sent to the device in several:", () => {
  test.each([2 ** 31 - 1, 2 ** 31, 2 ** 31 + 16, 2 ** 32 + 16])("a digest of %i bytes", (size) => {
    const memory = memoryOf(size);
    if (memory === undefined) return;
    const { host, device } = start();
    device.hash("sha256").digest(memory);
    expect(sum(host.lengths)).toBe(size);
    device.hash("sha256").update(memory);
    expect(sum(host.lengths)).toBe(2 * size);
    expect(host.vigil.faults).toEqual([]);
    device.close();
  });

  test.each([undefined, 2 ** 27, 2 ** 28, 2 ** 29])(
    "encryptInto() of 257 MiB apart, with chunkSize %s",
    (chunkSize) => {
      const size = 2 ** 28 + 2 ** 20 + 16;
      const [source, destination] = [memoryOf(size), memoryOf(size)];
      if (source === undefined || destination === undefined) return;
      let begun: ReturnType<typeof start>;
      try {
        begun = start({ chunkSize });
      } catch (error) {
        // A chunk size that never fits may be refused at once.
        expect(error).toBeInstanceOf(RangeError);
        expect(chunkSize).toBeGreaterThan(2 ** 27);
        return;
      }
      const { host, device } = begun;
      expect(device.cipher("aes-cbc", key).encryptInto(source, destination, iv)).toBe(size);
      expect(host.vigil.faults).toEqual([]);
      expect(sum(host.lengths)).toBe(size);
      const withMac = device.cipherWithMac({ cipher: "aes-ctr", key, mac: "sha1" });
      withMac.encryptInto(source, destination, { mac: new Uint8Array(20), iv });
      expect(host.vigil.faults).toEqual([]);
      expect(sum(host.lengths)).toBe(2 * size);
      device.cipher("aes-ctr", key).encryptor(iv).update(source);
      expect(host.vigil.faults).toEqual([]);
      expect(sum(host.lengths)).toBe(3 * size);
      device.close();
    },
  );

  test("encryptInto() of more than 2 GiB in place", { timeout: 300_000 }, () => {
    const size = 2 ** 31 + 16;
    const memory = memoryOf(size);
    if (memory === undefined) return;
    const { host, device } = start();
    expect(device.cipher("aes-cbc", key).encryptInto(memory, memory, iv)).toBe(size);
    expect(sum(host.lengths)).toBe(size);
    expect(host.vigil.faults).toEqual([]);
    device.close();
  });
});
