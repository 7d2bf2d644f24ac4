import { type Argument, CIOCASYNCFETCH, Device, errnos, LP64, requestNumber, type Submitter } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import { runtime } from "cryptodev";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openAsyncWith } from "../../packages/cryptodev/dist/async/device.js";
import { pattern, toHex } from "../bytes.ts";
import { ioctls } from "../ioctls.ts";
import { RecordingHost } from "../recording_host.ts";
import { inProcessAs, type Reached, ways } from "../software.ts";

/* A driver that was built with ENABLE_ASYNC, and works in parallel with the program. */

const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 1));
const [key, iv] = [pattern(16), pattern(16, 7)];
const busy = (ioctl: string | undefined) => expect.objectContaining({ name: "CryptodevError", code: "EBUSY", ioctl });

describe.each([...ways, inProcessAs("arm")])("submitted operations, $name,", ({ reach }) => {
  let host: Reached["host"];
  let path: string;
  let device: Device;
  let submitter: Submitter;
  let plain: Device;
  beforeEach(async () => {
    // An asynchronous driver accepts only aligned memory.
    ({ host, path } = await reach({ async: true, alignmask: 15 }));
    plain = Device.open(host, path);
    device = Device.open(host, path, { chunkSize: 64, statistics: true });
    submitter = device.submitter(pause) as Submitter;
  });
  afterEach(() => {
    for (const one of [device, plain]) one.close();
  });

  test("return the same as blocking ones, in any number, in the order of their calls", async () => {
    const aes = device.cipher("aes-128-cbc", key);
    const expected = plain.cipher("aes-128-cbc", key);
    const order: number[] = [];
    const results = await Promise.all(
      Array.from({ length: 300 }, async (_, index) => {
        const result = await aes.encryptAsync(submitter, pattern(32, index), iv);
        order.push(index);
        return toHex(result);
      }),
    );
    expect(results).toEqual(results.map((_, index) => toHex(expected.encrypt(pattern(32, index), iv))));
    expect(order).toEqual(order.map((_, index) => index));
    expect(aes.statistics).toMatchObject({ operations: 300, bytes: 9600, zeroCopyLost: 0 });
  });

  test("continue from each other, and in chunks", async () => {
    const aes = device.cipher("aes-128-cbc", key);
    const whole = plain.cipher("aes-128-cbc", key).encrypt(pattern(320), iv);
    const source = pattern(320);
    const [first, rest] = [
      aes.encryptAsync(submitter, source.subarray(0, 32), iv),
      aes.encryptAsync(submitter, source.subarray(32)),
    ];
    // The source was copied, so changing it has no effect.
    source.fill(0);
    expect(toHex(await first) + toHex(await rest)).toBe(toHex(whole));
    expect(await aes.decryptAsync(submitter, whole, iv)).toEqual(pattern(320));
    const [sha, hmac] = [device.hash("sha256"), device.hmac("sha1", key)];
    for (const size of [0, 1, 64, 65, 500]) {
      expect(toHex(await sha.digestAsync(submitter, pattern(size)))).toBe(
        toHex(plain.hash("sha256").digest(pattern(size))),
      );
      expect(toHex(await hmac.digestAsync(submitter, pattern(size)))).toBe(
        toHex(plain.hmac("sha1", key).digest(pattern(size))),
      );
    }
    expect(toHex(sha.digest(pattern(10)))).toBe(toHex(plain.hash("sha256").digest(pattern(10))));
  });

  test("are refused for the same reasons as blocking ones", async () => {
    const aes = device.cipher("aes-128-cbc", key);
    await expect(aes.encryptAsync(submitter, pattern(17), iv)).rejects.toThrow(RangeError);
    await expect(aes.encryptAsync(submitter, pattern(16))).rejects.toThrow(TypeError);
    await expect(aes.encryptAsync(submitter, "text" as unknown as Uint8Array, iv)).rejects.toThrow(TypeError);
    const sha = device.hash("sha256").update(pattern(1));
    await expect(sha.digestAsync(submitter, pattern(1))).rejects.toThrow(TypeError);
    const xts = device.cipher("aes-128-xts", pattern(32));
    await expect(xts.encryptAsync(submitter, pattern(80), iv)).rejects.toThrow(
      /^source for aes-128-xts: 80 bytes cannot be worked on in parts/,
    );
    expect(await xts.encryptAsync(submitter, pattern(64), iv)).toEqual(
      plain.cipher("aes-128-xts", pattern(32)).encrypt(pattern(64), iv),
    );
    await expect(sha.digestAsync(submitter, pattern(1))).rejects.toThrow(
      /expected a whole message, got the end of one$/,
    );
    await expect(sha.digestAsync(submitter, 1 as unknown as Uint8Array)).rejects.toThrow(/^data for sha256: expected/);
    const ctr = device.cipher("aes-128-ctr", key);
    await ctr.encryptAsync(submitter, pattern(20), iv);
    await expect(ctr.encryptAsync(submitter, pattern(16))).rejects.toThrow(TypeError);
  });

  test("make their session busy for blocking operations, and their device busy for close()", async () => {
    const [aes, sha] = [device.cipher("aes-128-cbc", key), device.hash("sha1")];
    const chunks = aes.encryptor(iv);
    const running = [aes.encryptAsync(submitter, pattern(16), iv), sha.digestAsync(submitter, pattern(16))];
    for (const call of [
      () => aes.encrypt(pattern(16), iv),
      () => chunks.update(pattern(16)),
      () => sha.update(pattern(1)),
      () => sha.digest(),
      () => sha.copy(),
    ]) {
      expect(call).toThrow(busy("CIOCCRYPT"));
      expect(call).toThrow(/EBUSY, 1 asynchronous operations of this session are in flight; await them first$/);
    }
    expect(() => device.close()).toThrow(busy(undefined));
    expect(device.closed).toBe(false);
    expect(device.cipher("aes-128-cbc", key).encrypt(pattern(16), iv)).toHaveLength(16);
    await Promise.all(running);
    expect(aes.encrypt(pattern(16), iv)).toHaveLength(16);
    expect(sha.digest()).toHaveLength(20);
  });

  test("finish if their session was closed meanwhile, and then end it", async () => {
    const aes = device.cipher("aes-128-cbc", key);
    const running = aes.encryptAsync(submitter, pattern(16), iv);
    aes.close();
    await expect(aes.encryptAsync(submitter, pattern(16), iv)).rejects.toThrow(
      expect.objectContaining({ name: "ClosedError" }),
    );
    expect(await running).toHaveLength(16);
    expect(aes.closed).toBe(true);
  });
});

/** The ioctls of a recording host, by name. */
const namesOf = (host: RecordingHost) =>
  host.calls.map(({ request }) => Object.values(ioctls).find((ioctl) => requestNumber(ioctl, LP64) === request)?.name);

test("submitted operations need no superfluous calls, and end a session that was closed meanwhile once, as the last call", async () => {
  const host = new RecordingHost({ async: true });
  const device = Device.open(host, undefined, { chunkSize: 64 });
  const submitter = device.submitter(pause) as Submitter;
  const [aes, sha] = [device.cipher("aes-128-cbc", key), device.hash("sha1")];
  for (const [size, count] of [
    [0, 1],
    [64, 1],
    [80, 2],
    [128, 2],
  ] as const) {
    host.calls.length = 0;
    await aes.encryptAsync(submitter, pattern(size), iv);
    expect(namesOf(host).filter((name) => name === "CIOCASYNCCRYPT")).toHaveLength(count);
    host.calls.length = 0;
    await sha.digestAsync(submitter, pattern(size));
    expect(namesOf(host).filter((name) => name === "CIOCASYNCCRYPT")).toHaveLength(count);
  }
  host.calls.length = 0;
  const running = [1, 2, 3].map((seed) => aes.encryptAsync(submitter, pattern(16, seed), iv));
  aes.close();
  expect(namesOf(host)).not.toContain("CIOCFSESSION");
  await Promise.all(running);
  expect(namesOf(host).filter((name) => name === "CIOCFSESSION")).toHaveLength(1);
  expect(namesOf(host).at(-1)).toBe("CIOCFSESSION");
  sha.close();
  await sha.digestAsync(submitter, pattern(1)).catch(() => {});
  expect(namesOf(host).filter((name) => name === "CIOCFSESSION")).toHaveLength(2);
  device.close();
});

test("the submitter asks the driver once for all finished operations, and stops when none is in flight", async () => {
  const device = Device.open(new SoftwareHost({ async: true }));
  let waits = 0;
  const submitter = device.submitter(() => {
    waits += 1;
    return pause();
  }) as Submitter;
  const aes = device.cipher("aes-128-cbc", key);
  await Promise.all([1, 2, 3].map((seed) => aes.encryptAsync(submitter, pattern(16, seed), iv)));
  for (let round = 0; round < 5; round += 1) await pause();
  expect(waits).toBe(1);
  await aes.encryptAsync(submitter, pattern(16), iv);
  expect(waits).toBe(2);
  device.close();
});

test("a refused submission fails at once, and one for which the queue has no room waits", async () => {
  const host = new RecordingHost({ async: true });
  const device = Device.open(host);
  const submitter = device.submitter(pause) as Submitter;
  const aes = device.cipher("aes-128-cbc", key);
  const first = aes.encryptAsync(submitter, pattern(16), iv);
  host.device.failNext("ENOMEM", "CIOCASYNCCRYPT");
  const refused = aes.encryptAsync(submitter, pattern(16), iv);
  await expect(refused).rejects.toThrow(expect.objectContaining({ code: "ENOMEM" }));
  expect(await first).toHaveLength(16);
  // With no operation in flight, no room will become free.
  host.device.failNext("EBUSY", "CIOCASYNCCRYPT");
  await expect(aes.encryptAsync(submitter, pattern(16), iv)).rejects.toThrow(busy("CIOCASYNCCRYPT"));
  const second = aes.encryptAsync(submitter, pattern(16), iv);
  host.device.failNext("EBUSY", "CIOCASYNCCRYPT");
  const waiting = aes.encryptAsync(submitter, pattern(16), iv);
  expect(await Promise.all([second, waiting])).toHaveLength(2);
  expect(() => aes.encrypt(pattern(16), iv)).not.toThrow();
  device.close();
});

test("an operation whose fetch reports an error fails, and no other does", async () => {
  /** Returns an error for the first finished operation, as the driver does if its engine fails. */
  class FailingHost extends SoftwareHost {
    #error = -errnos.EIO;
    override ioctl(fd: number, request: number, argument: Argument | null): number {
      const result = super.ioctl(fd, request, argument);
      if (request !== requestNumber(CIOCASYNCFETCH, LP64) || result < 0) return result;
      const error = this.#error;
      this.#error = 0;
      return error;
    }
  }
  const device = Device.open(new FailingHost({ async: true }));
  const submitter = device.submitter(pause) as Submitter;
  const aes = device.cipher("aes-128-cbc", key);
  const running = [aes.encryptAsync(submitter, pattern(16), iv), aes.encryptAsync(submitter, pattern(32), iv)];
  const [wrong, right] = await Promise.allSettled(running);
  expect(wrong).toMatchObject({ status: "rejected", reason: { code: "EIO", ioctl: "CIOCASYNCFETCH" } });
  expect(right).toEqual({ status: "fulfilled", value: aes.encrypt(pattern(32), iv) });
  device.close();
});

test("a submitted operation that the driver refuses does not affect the next ones", async () => {
  const host = new SoftwareHost({ async: true, alignmask: 15 });
  const device = Device.open(host);
  const submitter = device.submitter(pause) as Submitter;
  const aes = device.cipher("aes-128-cbc", key);
  host.device.failNext("ENOMEM", "CIOCASYNCCRYPT");
  const failing = aes.encryptAsync(submitter, pattern(16), iv);
  const fine = aes.encryptAsync(submitter, pattern(16), iv);
  await expect(failing).rejects.toThrow(expect.objectContaining({ code: "ENOMEM", ioctl: "CIOCASYNCCRYPT" }));
  expect(await fine).toHaveLength(16);
  // An operation that continues from a failed one fails with it, and so does the next, until one has an iv.
  host.device.failNext("EIO", "CIOCASYNCCRYPT");
  const chain = [aes.encryptAsync(submitter, pattern(16), iv), aes.encryptAsync(submitter, pattern(16))];
  for (const link of chain) await expect(link).rejects.toThrow(expect.objectContaining({ code: "EIO" }));
  await expect(aes.encryptAsync(submitter, pattern(16))).rejects.toThrow(TypeError);
  // A fetch that was interrupted, or came too early, is not an error of any operation.
  host.device.failNext("EINTR", "CIOCASYNCFETCH");
  host.device.failNext("EBUSY", "CIOCASYNCFETCH");
  expect(await aes.encryptAsync(submitter, pattern(16), iv)).toHaveLength(16);
  device.close();
});

test.each(ways)("device.submitter() is undefined for a driver without ENABLE_ASYNC, $name", async ({ reach }) => {
  const { host, path } = await reach();
  const device = Device.open(host, path);
  expect(device.submitter(pause)).toBeUndefined();
  device.close();
  expect(() => device.submitter(pause)).toThrow(expect.objectContaining({ name: "ClosedError" }));
});

test.each(ways)(
  "openAsync() submits to a driver with ENABLE_ASYNC the operations that it can do, $name",
  async ({ reach }) => {
    const { host, path } = await reach({ async: true });
    const device = await openAsyncWith(() => Device.open(host, path), runtime, { submit: true });
    const [aes, sha] = await Promise.all([device.cipher("aes-128-cbc", key), device.hash("sha1")]);
    const plain = Device.open(host, path);
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

test("close() refuses a clone, and its original, while an operation of one of its sessions is in flight", async () => {
  const host = new RecordingHost({ async: true });
  const device = Device.open(host);
  const submitter = device.submitter(pause) as Submitter;
  const clone = device.clone();
  const running = clone.cipher("aes-128-cbc", key).encryptAsync(submitter, pattern(16), iv);
  for (const one of [clone, device]) {
    expect(() => one.close()).toThrow(/EBUSY, 1 asynchronous operations are in flight; await them first$/);
  }
  await running;
  host.calls.length = 0;
  clone.close();
  expect(namesOf(host)).toEqual(["CIOCFSESSION"]);
  device.close();
});
