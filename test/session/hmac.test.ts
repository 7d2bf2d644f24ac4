import { ClosedError, Device } from "@cryptodev/core";
import { describe, expect, test as plainTest } from "vitest";
import { backends } from "../backends.ts";
import { fromHex, fromText, pattern, toHex } from "../bytes.ts";
import { testOn } from "../device_fixture.ts";
import { detach, detached, resizable } from "../memory.ts";
import { VigilantHost } from "../vigilant_host.ts";

/** RFC 4231, test cases 1, 2, 6 and 7: key, data and HMAC-SHA-256. */
const answers = [
  {
    source: "RFC 4231, test case 1",
    key: new Uint8Array(20).fill(0x0b),
    data: fromText("Hi There"),
    mac: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
  },
  {
    source: "RFC 4231, test case 2",
    key: fromText("Jefe"),
    data: fromText("what do ya want for nothing?"),
    mac: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  },
  {
    source: "RFC 4231, test case 6",
    key: new Uint8Array(131).fill(0xaa),
    data: fromText("Test Using Larger Than Block-Size Key - Hash Key First"),
    mac: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
  },
  {
    source: "RFC 4231, test case 7",
    key: new Uint8Array(131).fill(0xaa),
    data: fromText(
      "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
    ),
    mac: "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
  },
] as const;
const key = pattern(20);
const changed = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, index) => (index === at ? byte ^ 0x80 : byte));
const start = (device: Device) => device.hmac("sha256", key);

describe.each(backends)("on the $name,", (backend) => {
  const test = testOn(backend);

  test.for(answers)("Hmac.verify() accepts the known answer of $source", ({ key, data, mac }, { device }) => {
    const hmac = device.hmac("sha256", key);
    expect(toHex(hmac.digest(data))).toBe(mac);
    expect(hmac.verify(data, fromHex(mac))).toBe(true);
    expect(hmac.verify(data.subarray(1), fromHex(mac))).toBe(false);
    hmac.update(data.subarray(0, 3));
    expect(hmac.verify(data.subarray(3), fromHex(mac))).toBe(true);
    hmac.update(data);
    expect(hmac.verify(new Uint8Array(), fromHex(mac))).toBe(true);
  });

  test("Hmac.verify() refuses a mac that differs in any byte", ({ device }) => {
    const hmac = start(device);
    const mac = hmac.digest(pattern(100));
    // The same memory each time: from the third time on, the kernel writes to the memory that is compared.
    const data = pattern(100);
    for (let at = 0; at < 32; at += 1) {
      expect(hmac.verify(data, changed(mac, at))).toBe(false);
      expect(hmac.verify(data, mac)).toBe(true);
    }
    expect(hmac.verify(data, new Uint8Array(32))).toBe(false);
    data[0] = 1;
    expect(hmac.verify(data, mac)).toBe(false);
  });

  test("Hmac.verify() refuses a mac of the wrong size, and the message continues", ({ device }) => {
    const hmac = start(device);
    const mac = hmac.digest(pattern(10));
    hmac.update(pattern(4));
    for (const size of [0, 16, 31, 33]) {
      const short = new Uint8Array(size);
      short.set(mac.subarray(0, size));
      expect(() => hmac.verify(pattern(10).subarray(4), short)).toThrow(
        new RangeError(`mac for hmac-sha256: expected 32 bytes, got ${size}`),
      );
    }
    expect(hmac.verify(pattern(10).subarray(4), mac)).toBe(true);
  });

  test("Hmac.verify() refuses detached memory, and a session that was closed", ({ device }) => {
    const hmac = start(device);
    const mac = hmac.digest(pattern(10));
    expect(() => hmac.verify(detached(10), mac)).toThrow(/^data for hmac-sha256: its memory is gone/);
    expect(() => hmac.verify(pattern(10), detached(32))).toThrow(/^mac for hmac-sha256: its memory is gone/);
    const data = pattern(10);
    for (let times = 0; times < 3; times += 1) expect(hmac.verify(data, mac)).toBe(true);
    detach(data);
    expect(() => hmac.verify(data, mac)).toThrow(TypeError);
    expect(hmac.verify(pattern(10), mac)).toBe(true);
    hmac.close();
    expect(() => hmac.verify(pattern(10), mac)).toThrow(ClosedError);
  });

  test("Hmac.verify() accepts data and mac of one buffer, and changes neither", ({ device }) => {
    const hmac = start(device);
    const memory = new Uint8Array(5000 + 32);
    memory.set(pattern(5000));
    memory.set(hmac.digest(pattern(5000)), 5000);
    const before = toHex(memory);
    for (let times = 0; times < 3; times += 1) {
      expect(hmac.verify(memory.subarray(0, 5000), memory.subarray(5000))).toBe(true);
    }
    expect(toHex(memory)).toBe(before);
  });

  test("Hmac.copy() requires the key, and continues the message", ({ device }) => {
    const hmac = start(device).update(pattern(10));
    const copy = hmac.copy(key);
    const mac = start(device).digest(Uint8Array.from([...pattern(10), 1]));
    expect(copy.verify(Uint8Array.of(1), mac)).toBe(true);
    expect(hmac.verify(Uint8Array.of(2), mac)).toBe(false);
    expect([hmac.name, copy.name, copy.digestSize]).toEqual(["hmac-sha256", "hmac-sha256", 32]);
  });
});

/** The memory behind the pointers of every operation. */
class PointeeHost extends VigilantHost {
  readonly macs = new Set<Uint8Array>();

  override ioctl(...call: Parameters<VigilantHost["ioctl"]>): number {
    const [, , argument] = call;
    for (const pointee of (argument as { pointees?: (Uint8Array | null)[] } | null)?.pointees ?? []) {
      if (pointee?.length === 32) this.macs.add(pointee);
    }
    return super.ioctl(...call);
  }
}

plainTest("Hmac.verify() wipes the mac that it computed", () => {
  const host = new PointeeHost();
  const device = Device.open(host);
  const hmac = device.hmac("sha256", key);
  const data = pattern(50);
  const mac = device.hmac("sha256", key).digest(data);
  // From the third time on, the kernel writes to the memory that is compared.
  for (let times = 0; times < 5; times += 1) hmac.verify(data, new Uint8Array(32));
  const arena = [...host.macs].slice(0, 2);
  const own = [...host.macs].filter((memory) => memory.buffer !== arena[0]?.buffer);
  expect(own.length).toBeGreaterThan(0);
  for (const memory of own) expect(toHex(memory)).toBe("00".repeat(32));
  expect(hmac.verify(data, mac)).toBe(true);
  for (const memory of own) expect(toHex(memory)).toBe("00".repeat(32));
  expect(host.vigil.faults).toEqual([]);
  device.close();
});

plainTest(
  "Hmac.verify() compares with what the mac is after the operation, and is never true for memory that shrank",
  () => {
    const host = new VigilantHost();
    const device = Device.open(host);
    const hmac = device.hmac("sha256", key);
    const buffer = resizable(32, 32);
    const mac = new Uint8Array(buffer);
    mac.set(hmac.digest(pattern(9)));
    expect(hmac.verify(pattern(9), mac)).toBe(true);
    const ioctl = host.ioctl.bind(host);
    host.ioctl = (...call) => {
      const result = ioctl(...call);
      buffer.resize(1);
      return result;
    };
    expect(hmac.verify(pattern(9), mac)).toBe(false);
    device.close();
  },
);
