import { BusyError, ClosedError, Device, type Submitter } from "@cryptodev/core";
import { CIOCASYNCFETCH, errnos, LP64, requestNumber } from "@cryptodev/core/abi";
import type { Argument } from "@cryptodev/core/host";
import { SoftwareHost, type SoftwareHostOptions } from "@cryptodev/soft";
import { runtime } from "cryptodev";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openAsyncWith } from "../../packages/cryptodev/dist/async/device.js";
import { pattern, toHex } from "../bytes.ts";
import { ioctls } from "../ioctls.ts";
import { RecordingHost } from "../recording_host.ts";
import { collectUntil } from "../runtime.ts";
import { inProcessAs, type Reached, ways } from "../software.ts";

/* A driver that was built with ENABLE_ASYNC, and works in parallel with the program. */

const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 1));
const [key, iv] = [pattern(16), pattern(16, 7)];

describe.each([...ways, inProcessAs("arm")])("operations of a Submitter, $name,", ({ reach }) => {
  let host: Reached["host"];
  let path: string;
  let device: Device;
  let submitter: Submitter;
  let plain: Device;
  beforeEach(async () => {
    // An asynchronous driver accepts only aligned memory.
    ({ host, path } = await reach({ async: true, alignmask: 15 }));
    plain = Device.open(host, { path });
    device = Device.open(host, { path, chunkSize: 64, statistics: true });
    submitter = device.submitter(pause) as Submitter;
  });
  afterEach(() => {
    for (const one of [device, plain]) one.close();
  });

  test("return the same as blocking ones, in any number, in the order of their calls", async () => {
    const aes = submitter.cipher("aes-128-cbc", key);
    const expected = plain.cipher("aes-128-cbc", key);
    const order: number[] = [];
    const results = await Promise.all(
      Array.from({ length: 300 }, async (_, index) => {
        const result = await aes.encrypt(pattern(32, index), iv);
        order.push(index);
        return toHex(result);
      }),
    );
    expect(results).toEqual(results.map((_, index) => toHex(expected.encrypt(pattern(32, index), iv))));
    expect(order).toEqual(order.map((_, index) => index));
    expect(aes.statistics).toMatchObject({ operations: 300, bytes: 9600, copied: 0 });
  });

  test("are sent in several parts if they are longer than chunkSize, also while others are in flight", async () => {
    const aes = submitter.cipher("aes-128-cbc", key);
    const [one, other] = [pattern(320), pattern(320, 9)];
    const expected = [one, other].map((data) => toHex(plain.cipher("aes-128-cbc", key).encrypt(data, iv)));
    const whole = plain.cipher("aes-128-cbc", key).encrypt(one, iv);
    const start = iv.slice();
    const running = [aes.encrypt(one, start), aes.encrypt(other, start)];
    // Source and iv were copied, so changing them has no effect.
    for (const bytes of [one, other, start]) bytes.fill(0);
    expect((await Promise.all(running)).map(toHex)).toEqual(expected);
    expect(await aes.decrypt(whole, iv)).toEqual(pattern(320));
    const [sha, hmac] = [submitter.hash("sha256"), submitter.hmac("sha1", key)];
    for (const size of [0, 1, 64, 65, 500]) {
      expect(toHex(await sha.digest(pattern(size)))).toBe(toHex(plain.hash("sha256").digest(pattern(size))));
      expect(toHex(await hmac.digest(pattern(size)))).toBe(toHex(plain.hmac("sha1", key).digest(pattern(size))));
    }
    const ecb = submitter.cipher("aes-ecb", key);
    expect(toHex(await ecb.encrypt(pattern(160)))).toBe(toHex(plain.cipher("aes-ecb", key).encrypt(pattern(160))));
  });

  test("are refused for the same reasons as blocking ones", async () => {
    const aes = submitter.cipher("aes-128-cbc", key);
    await expect(aes.encrypt(pattern(17), iv)).rejects.toThrow(RangeError);
    await expect(aes.encrypt("text" as unknown as Uint8Array, iv)).rejects.toThrow(TypeError);
    // Without an iv, the driver would continue from the operation before.
    await aes.encrypt(pattern(16), iv);
    await expect(aes.encrypt(pattern(16), ...([] as unknown as [Uint8Array]))).rejects.toThrow(
      new TypeError("iv for aes-128-cbc: expected 16 bytes, got none"),
    );
    const xts = submitter.cipher("aes-128-xts", pattern(32));
    await expect(xts.encrypt(pattern(80), iv)).rejects.toThrow(
      /^source for aes-128-xts: expected at most 64 bytes, .* got 80/,
    );
    expect(await xts.encrypt(pattern(64), iv)).toEqual(
      plain.cipher("aes-128-xts", pattern(32)).encrypt(pattern(64), iv),
    );
    const sha = submitter.hash("sha256");
    await expect(sha.digest(1 as unknown as Uint8Array)).rejects.toThrow(/^data for sha256: expected/);
    expect(() => submitter.cipher("aes-128-cbc", pattern(15))).toThrow(RangeError);
    expect(() => submitter.cipher("aes-128-gcm" as "aes-128-cbc", key)).toThrow(RangeError);
    expect(() => submitter.hmac("sha1", undefined as unknown as Uint8Array)).toThrow(TypeError);
  });

  test("do not disturb blocking ones, and make their device busy for close()", async () => {
    const [aes, sha] = [submitter.cipher("aes-128-cbc", key), submitter.hash("sha1")];
    const running = [aes.encrypt(pattern(16), iv), sha.digest(pattern(16))];
    expect(() => device.close()).toThrow(BusyError);
    expect(() => device.close()).toThrow(/2 asynchronous operations are in flight; await them first$/);
    expect(device.closed).toBe(false);
    const expected = plain.cipher("aes-128-cbc", key).encrypt(pattern(16), iv);
    expect(device.cipher("aes-128-cbc", key).encrypt(pattern(16), iv)).toEqual(expected);
    expect(await Promise.all(running)).toEqual([expected, plain.hash("sha1").digest(pattern(16))]);
  });

  test("finish if their session was closed meanwhile, which ends it then", async () => {
    const aes = submitter.cipher("aes-128-cbc", key);
    const running = aes.encrypt(pattern(160), iv);
    expect(aes.closed).toBe(false);
    aes.close();
    expect(aes.closed).toBe(true);
    const refused = async () => {
      for (const call of [() => aes.encrypt(pattern(16), iv), async () => aes.info()]) {
        await expect(call()).rejects.toThrow(ClosedError);
        await expect(call()).rejects.toThrow(/^aes-128-cbc session: it was closed$/);
      }
    };
    await refused();
    expect(await running).toHaveLength(160);
    await refused();
    aes.close();
  });

  test("have sessions whose methods cannot submit anything else", () => {
    for (const session of [submitter.cipher("aes-128-cbc", key), submitter.hash("sha1")]) {
      const names: string[] = [];
      for (let one: object = session; one !== Object.prototype; one = Object.getPrototypeOf(one)) {
        names.push(...Object.getOwnPropertyNames(one));
      }
      const own = "encrypt" in session ? ["encrypt", "decrypt", "blockSize", "ivSize"] : ["digest", "digestSize"];
      const common = ["constructor", "id", "name", "closed", "statistics", "info", "close"];
      expect(new Set(names)).toEqual(new Set([...own, ...common]));
    }
  });

  test("have sessions that report what serves them", async () => {
    const aes = submitter.cipher("AES-128-CBC", key);
    expect([aes.name, aes.ivSize, aes.info().cipher?.name]).toEqual(["aes-128-cbc", 16, "cbc(aes)"]);
    const hmac = submitter.hmac("sha1", key);
    expect([hmac.name, hmac.digestSize, hmac.info().mac?.name]).toEqual(["hmac-sha1", 20, "hmac(sha1)"]);
    expect(aes.id).not.toBe(hmac.id);
  });
});

/** The ioctls of a recording host, by name. */
const namesOf = (host: RecordingHost) =>
  host.calls.map(({ request }) => Object.values(ioctls).find((ioctl) => requestNumber(ioctl, LP64) === request)?.name);

test("a Submitter makes no superfluous calls, and ends a session that was closed meanwhile once, as the last call", async () => {
  const host = new RecordingHost({ async: true });
  const device = Device.open(host, { chunkSize: 64 });
  const submitter = device.submitter(pause) as Submitter;
  const [aes, sha] = [submitter.cipher("aes-128-cbc", key), submitter.hash("sha1")];
  for (const [size, count] of [
    [0, 1],
    [64, 1],
    [80, 2],
    [128, 2],
  ] as const) {
    host.calls.length = 0;
    await aes.encrypt(pattern(size), iv);
    expect(namesOf(host).filter((name) => name === "CIOCASYNCCRYPT")).toHaveLength(count);
    host.calls.length = 0;
    await sha.digest(pattern(size));
    expect(namesOf(host).filter((name) => name === "CIOCASYNCCRYPT")).toHaveLength(count);
  }
  host.calls.length = 0;
  const running = [1, 2, 3].map((seed) => aes.encrypt(pattern(16, seed), iv));
  aes.close();
  expect(namesOf(host)).not.toContain("CIOCFSESSION");
  await Promise.all(running);
  expect(namesOf(host).filter((name) => name === "CIOCFSESSION")).toHaveLength(1);
  expect(namesOf(host).at(-1)).toBe("CIOCFSESSION");
  sha.close();
  await sha.digest(pattern(1)).catch(() => {});
  expect(namesOf(host).filter((name) => name === "CIOCFSESSION")).toHaveLength(2);
  device.close();
});

test("a Submitter asks the driver once for all finished operations, and stops when none is in flight", async () => {
  const device = Device.open(new SoftwareHost({ async: true }));
  let waits = 0;
  const submitter = device.submitter(() => {
    waits += 1;
    return pause();
  }) as Submitter;
  const aes = submitter.cipher("aes-128-cbc", key);
  await Promise.all([1, 2, 3].map((seed) => aes.encrypt(pattern(16, seed), iv)));
  for (let round = 0; round < 5; round += 1) await pause();
  expect(waits).toBe(1);
  await aes.encrypt(pattern(16), iv);
  expect(waits).toBe(2);
  device.close();
});

test("a Submitter refuses what is not a function, and asks the driver itself if the function fails", async () => {
  const device = Device.open(new SoftwareHost({ async: true }));
  expect(() => device.submitter(undefined as never)).toThrow(new TypeError("wait: expected a function, got undefined"));
  for (const wait of [() => Promise.reject(new Error("no timer")), () => Promise.reject(undefined), throwing]) {
    const submitter = device.submitter(wait) as Submitter;
    const aes = submitter.cipher("aes-128-cbc", key);
    const results = await Promise.all([1, 2].map((seed) => aes.encrypt(pattern(16, seed), iv)));
    expect(results.map(({ length }) => length)).toEqual([16, 16]);
  }
  device.close();
});

function throwing(): never {
  throw new Error("no timer");
}

test("a submission that the driver refuses fails at once, and one for which the queue has no room waits", async () => {
  const host = new RecordingHost({ async: true });
  const device = Device.open(host);
  const submitter = device.submitter(pause) as Submitter;
  const aes = submitter.cipher("aes-128-cbc", key);
  const first = aes.encrypt(pattern(16), iv);
  host.device.failNext("ENOMEM", "CIOCASYNCCRYPT");
  const refused = aes.encrypt(pattern(16), iv);
  await expect(refused).rejects.toThrow(expect.objectContaining({ code: "ENOMEM" }));
  expect(await first).toHaveLength(16);
  // With no operation in flight, no room will become free.
  host.device.failNext("EBUSY", "CIOCASYNCCRYPT");
  await expect(aes.encrypt(pattern(16), iv)).rejects.toThrow(
    expect.objectContaining({ name: "CryptodevError", code: "EBUSY", ioctl: "CIOCASYNCCRYPT" }),
  );
  const second = aes.encrypt(pattern(16), iv);
  host.device.failNext("EBUSY", "CIOCASYNCCRYPT");
  const waiting = aes.encrypt(pattern(16), iv);
  expect(await Promise.all([second, waiting])).toHaveLength(2);
  expect(await aes.encrypt(pattern(16), iv)).toHaveLength(16);
  device.close();
});

/** Returns an error for one finished operation, as the driver does if its engine fails. */
class FailingHost extends SoftwareHost {
  /** How many operations to fetch before that one. */
  left: number;

  constructor(options: SoftwareHostOptions, left: number) {
    super(options);
    this.left = left;
  }

  override ioctl(fd: number, request: number, argument: Argument | null): number {
    const result = super.ioctl(fd, request, argument);
    if (request !== requestNumber(CIOCASYNCFETCH, LP64) || result < 0) return result;
    this.left -= 1;
    return this.left === -1 ? -errnos.EIO : 0;
  }
}

test("a submitted operation whose fetch reports an error fails, and no other does", async () => {
  const device = Device.open(new FailingHost({ async: true }, 0));
  const submitter = device.submitter(pause) as Submitter;
  const aes = submitter.cipher("aes-128-cbc", key);
  const running = [aes.encrypt(pattern(16), iv), aes.encrypt(pattern(32), iv)];
  const [wrong, right] = await Promise.allSettled(running);
  expect(wrong).toMatchObject({ status: "rejected", reason: { code: "EIO", ioctl: "CIOCASYNCFETCH" } });
  expect(right).toEqual({ status: "fulfilled", value: await aes.encrypt(pattern(32), iv) });
  device.close();
});

test("a submitted operation of several parts fails if one part fails, and the next one is right", async () => {
  const host = new FailingHost({ async: true, alignmask: 15 }, Number.POSITIVE_INFINITY);
  const device = Device.open(host, { chunkSize: 64 });
  const submitter = device.submitter(pause) as Submitter;
  const [aes, sha] = [submitter.cipher("aes-128-cbc", key), submitter.hash("sha1")];
  for (let part = 0; part < 3; part += 1) {
    for (const run of [() => aes.encrypt(pattern(160), iv), () => sha.digest(pattern(160))]) {
      const expected = await run();
      host.left = part;
      await expect(run()).rejects.toThrow(expect.objectContaining({ code: "EIO", ioctl: "CIOCASYNCFETCH" }));
      expect(await run()).toEqual(expected);
    }
  }
  device.close();
});

test("a Submitter and its sessions keep their device from being collected and closed", async () => {
  const host = new RecordingHost({ async: true });
  const submitter = (() => Device.open(host).submitter(pause) as Submitter)();
  await collectUntil(() => host.closed.length > 0, 10);
  expect(host.closed).toEqual([]);
  const aes = submitter.cipher("aes-128-cbc", key);
  await collectUntil(() => host.closed.length > 0, 10);
  expect(await aes.encrypt(pattern(16), iv)).toHaveLength(16);
  aes.close();
});

test("a submitted session that is dropped is ended after its last operation, with a warning", async () => {
  const host = new RecordingHost({ async: true });
  const device = Device.open(host);
  const submitter = device.submitter(pause) as Submitter;
  const running = (() => submitter.cipher("aes-128-cbc", key).encrypt(pattern(16), iv))();
  await collectUntil(() => host.warnings.length > 0, 3);
  expect(await running).toHaveLength(16);
  await collectUntil(() => host.warnings.length > 0);
  expect(host.warnings).toEqual([
    "a session of aes-128-cbc on /dev/crypto was dropped without close(); the device held it until now",
  ]);
  expect(namesOf(host).filter((name) => name === "CIOCFSESSION")).toHaveLength(1);
  device.close();
});

test("a submitted operation that the driver refuses does not affect the next ones", async () => {
  const host = new SoftwareHost({ async: true, alignmask: 15 });
  const device = Device.open(host);
  const submitter = device.submitter(pause) as Submitter;
  const aes = submitter.cipher("aes-128-cbc", key);
  host.device.failNext("ENOMEM", "CIOCASYNCCRYPT");
  const failing = aes.encrypt(pattern(16), iv);
  const fine = aes.encrypt(pattern(16), iv);
  await expect(failing).rejects.toThrow(expect.objectContaining({ code: "ENOMEM", ioctl: "CIOCASYNCCRYPT" }));
  expect(await fine).toHaveLength(16);
  // A fetch that was interrupted, or came too early, is not an error of any operation.
  host.device.failNext("EINTR", "CIOCASYNCFETCH");
  host.device.failNext("EBUSY", "CIOCASYNCFETCH");
  expect(await aes.encrypt(pattern(16), iv)).toHaveLength(16);
  device.close();
});

test.each(ways)("Device.submitter() returns undefined for a driver without ENABLE_ASYNC, $name", async ({ reach }) => {
  const { host, path } = await reach();
  const device = Device.open(host, { path });
  expect(device.submitter(pause)).toBeUndefined();
  device.close();
  expect(() => device.submitter(pause)).toThrow(expect.objectContaining({ name: "ClosedError" }));
});

test.each(ways)(
  "openAsync() submits to a driver with ENABLE_ASYNC the operations that it can do, $name",
  async ({ reach }) => {
    const { host, path } = await reach({ async: true });
    const device = await openAsyncWith(() => Device.open(host, { path }), runtime, { submit: true });
    const [aes, sha] = await Promise.all([device.cipher("aes-128-cbc", key), device.hash("sha1")]);
    const plain = Device.open(host, { path });
    const ciphertext = await aes.encrypt(pattern(32), iv);
    expect(toHex(ciphertext)).toBe(toHex(plain.cipher("aes-128-cbc", key).encrypt(pattern(32), iv)));
    expect(await aes.decrypt(ciphertext, iv)).toEqual(pattern(32));
    expect(toHex(await sha.digest(pattern(5)))).toBe(toHex(plain.hash("sha1").digest(pattern(5))));
    expect(key).toEqual(pattern(16));
    const controller = new AbortController();
    const aborted = aes.encrypt(pattern(16), iv, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
    await expect(aes.encrypt(pattern(16), iv, { signal: controller.signal })).rejects.toThrow("enough");
    const last = aes.encrypt(pattern(16), iv);
    await device.close();
    expect(await last).toHaveLength(16);
    await expect(device.hash("sha1")).rejects.toThrow(expect.objectContaining({ name: "ClosedError" }));
  },
);

test("Device.close() refuses to close a clone while an operation of its submitter is in flight", async () => {
  const host = new RecordingHost({ async: true });
  const device = Device.open(host);
  const clone = device.clone();
  const ofClone = clone.submitter(pause) as Submitter;
  const running = ofClone.cipher("aes-128-cbc", key).encrypt(pattern(16), iv);
  expect(() => clone.close()).toThrow(
    new BusyError("/dev/crypto: 1 asynchronous operations are in flight; await them first"),
  );
  await running;
  host.calls.length = 0;
  clone.close();
  expect(namesOf(host)).toEqual(["CIOCFSESSION"]);
  device.close();
});
