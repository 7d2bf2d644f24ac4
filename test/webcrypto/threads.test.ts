import { ClosedError } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import { type AsyncDevice, Device, openAsync } from "cryptodev";
import { subtleOf, type ThreadedDevice } from "cryptodev/webcrypto";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { pattern } from "../bytes.ts";
import { type Key, native, outcomeOf, type Subtle } from "./outcome.ts";

/** The largest size that is always processed at once, and the smallest one that is always left to a thread. */
const [small, large] = [2 ** 16, 2 ** 20 + 1];

let device: Device;
let threads: AsyncDevice;
let subtle: Subtle;
beforeAll(async () => {
  device = Device.open(new SoftwareHost());
  threads = await openAsync({ backend: "software", workers: 2 });
  subtle = subtleOf(device, { threads }) as Subtle;
});
afterAll(async () => {
  device.close();
  await threads.close();
});

const gcm = { name: "AES-GCM", iv: pattern(12), additionalData: pattern(20) };
const algorithms = [
  { name: "AES-CBC", iv: pattern(16) },
  // It wraps within the data.
  { name: "AES-CTR", counter: new Uint8Array(16).fill(255), length: 64 },
  gcm,
  { ...gcm, tagLength: 96 },
];

const keyOf = (from: Subtle, name: string, isExtractable = false) =>
  from.importKey("raw", pattern(32), name, isExtractable, ["encrypt", "decrypt"]);

/** Checks whether a promise settles only in another task of the event loop. */
async function lets(run: () => Promise<unknown>): Promise<boolean> {
  let isSettled = false;
  const promise = run().then(() => {
    isSettled = true;
  });
  for (let turn = 0; turn < 100 && !isSettled; turn += 1) await null;
  const isLater = !isSettled;
  await promise;
  return isLater;
}

describe("large data", () => {
  test.each(algorithms)("is encrypted and decrypted in a thread as the runtime does it: %o", async (algorithm) => {
    for (const size of [small + 1, 2 ** 20, large, 2 ** 21]) {
      for (const isExtractable of [true, false]) {
        const theirs = await keyOf(native, algorithm.name);
        const ours = await keyOf(subtle, algorithm.name, isExtractable);
        const plaintext = await outcomeOf(async () => pattern(size).buffer);
        const encrypted = native.encrypt(algorithm, theirs, pattern(size)).catch(() => undefined);
        const sealed = await subtle.encrypt(algorithm, ours, pattern(size));
        // Deno's own does not support short tags and counters.
        const expected = await encrypted;
        if (expected !== undefined) expect(Buffer.from(sealed).equals(Buffer.from(expected))).toBe(true);
        expect((await outcomeOf(() => subtle.decrypt(algorithm, ours, sealed))) === plaintext).toBe(true);
        if (algorithm.name !== "AES-GCM") continue;
        new Uint8Array(sealed).fill(1, 5, 6);
        await expect(subtle.decrypt(algorithm, ours, sealed)).rejects.toMatchObject({ name: "OperationError" });
      }
    }
  });

  test("is hashed, signed and verified in a thread as the runtime does it", async () => {
    for (const hash of ["SHA-1", "SHA-256", "SHA-384", "SHA-512"]) {
      for (const keySize of [20, 600]) {
        const sign = async (from: Subtle) => {
          const hmac = { name: "HMAC", hash };
          const key = await from.importKey("raw", pattern(keySize), hmac, false, ["sign", "verify"]);
          const mac = await from.sign("HMAC", key, pattern(large));
          const isValid = await from.verify("HMAC", key, mac, pattern(large));
          return [isValid, await from.verify("HMAC", key, mac, pattern(large + 1)), Buffer.from(mac).toString("hex")];
        };
        expect(await sign(subtle)).toEqual(await sign(native));
      }
      const digest = await outcomeOf(() => subtle.digest(hash, pattern(2 ** 20)));
      expect(digest).toBe(await outcomeOf(() => native.digest(hash, pattern(2 ** 20))));
    }
  });

  test("does not block the event loop, and small data does not wait for it", async () => {
    const key = await keyOf(subtle, "AES-GCM");
    await subtle.encrypt(gcm, key, pattern(1));
    for (const size of [small + 1, large]) {
      expect(await lets(() => subtle.encrypt(gcm, key, pattern(size)))).toBe(true);
      expect(await lets(() => subtle.digest("SHA-1", pattern(size)))).toBe(true);
    }
    expect(await lets(() => subtle.encrypt(gcm, key, pattern(small)))).toBe(false);
    expect(await lets(() => subtle.digest("SHA-1", pattern(small)))).toBe(false);
  });

  test("and small data of every size have the results of the runtime", async () => {
    for (const size of [0, 1, 15, 16, 17, 4095, 4096, 4097, 16_383, small - 1, small, small + 1, 2 ** 20, large]) {
      const data = pattern(size);
      for (const [algorithm, isExtractable] of [
        [algorithms[0], true],
        [{ name: "AES-CTR", counter: new Uint8Array(16).fill(255), length: 128 }, false],
        [gcm, true],
      ] as const) {
        if (algorithm === undefined) continue;
        const run = async (from: Subtle) =>
          from.encrypt(algorithm, await keyOf(from, algorithm.name, isExtractable), data);
        const isEqual = (await outcomeOf(() => run(subtle))) === (await outcomeOf(() => run(native)));
        expect(isEqual, `${algorithm.name}, ${size} bytes`).toBe(true);
      }
      const digest = await outcomeOf(() => subtle.digest("SHA-512", data));
      expect(digest).toBe(await outcomeOf(() => native.digest("SHA-512", data)));
    }
  });

  test("is copied when a method is called", async () => {
    const key = await keyOf(subtle, "AES-GCM");
    const data = pattern(large);
    const sealing = subtle.encrypt(gcm, key, data);
    data.fill(0);
    const theirs = await keyOf(native, "AES-GCM");
    const expected = await outcomeOf(() => native.encrypt(gcm, theirs, pattern(large)));
    expect((await outcomeOf(() => sealing)) === expected).toBe(true);
  });

  test("works with more keys than sessions are kept for", async () => {
    const keys: Key[] = [];
    for (let index = 0; index < 40; index += 1) {
      keys.push(await subtle.importKey("raw", pattern(16, index), "AES-GCM", index % 2 === 0, ["encrypt"]));
    }
    // Each takes two operations of its session.
    const short = { ...gcm, tagLength: 96 };
    const opening = keys.map(async (key, index) => {
      const decrypting = await subtle.importKey("raw", pattern(16, index), "AES-GCM", false, ["decrypt"]);
      return subtle.decrypt(short, decrypting, await subtle.encrypt(short, key, pattern(large)));
    });
    for (const opened of await Promise.all(opening)) expect(opened.byteLength).toBe(large);
    const tags = async () => {
      const sealed = await Promise.all(keys.map((key) => subtle.encrypt(gcm, key, pattern(large))));
      return sealed.map((bytes) => Buffer.from(bytes).toString("hex", large));
    };
    const first = await tags();
    expect(new Set(first).size).toBe(40);
    expect(await tags()).toEqual(first);
  });

  test("can be a key that is wrapped", async () => {
    const wrapping = await subtle.importKey("raw", pattern(16), "AES-GCM", false, ["wrapKey", "unwrapKey"]);
    const hmac = { name: "HMAC", hash: "SHA-1" };
    const key = await subtle.importKey("raw", pattern(large), hmac, true, ["sign"]);
    for (const format of ["raw", "jwk"] as const) {
      const wrapped = await subtle.wrapKey(format, key, wrapping, gcm);
      const again = await subtle.unwrapKey(format, wrapped, wrapping, gcm, hmac, true, ["sign"]);
      expect(Buffer.from(await subtle.exportKey("raw", again)).equals(pattern(large))).toBe(true);
    }
  });

  test("is refused if the device of the threads is closed, or does not have the algorithm", async () => {
    const closed = await openAsync({ backend: "software" });
    await closed.close();
    const without = subtleOf(device, { threads: closed }) as Subtle;
    await expect(without.digest("SHA-1", pattern(large))).rejects.toBeInstanceOf(ClosedError);
    const key = await keyOf(without, "AES-GCM");
    await expect(without.encrypt(gcm, key, pattern(large))).rejects.toBeInstanceOf(ClosedError);
    expect((await without.encrypt(gcm, key, pattern(small))).byteLength).toBe(small + 16);
  });

  test("is processed at once without threads, or if they cannot be opened", async () => {
    const subtles = [subtleOf(device), subtleOf(device, { threads: async () => undefined })] as Subtle[];
    for (const one of subtles) {
      const key = await keyOf(one, "AES-GCM");
      expect((await one.encrypt(gcm, key, pattern(large))).byteLength).toBe(large + 16);
    }
  });

  test("tries again to open threads after that has failed", async () => {
    let tries = 0;
    const opening = async () => {
      tries += 1;
      if (tries === 1) throw new Error("the first try");
      return threads;
    };
    const one = subtleOf(device, { threads: opening }) as Subtle;
    await expect(one.digest("SHA-1", pattern(large))).rejects.toThrow("the first try");
    for (let turn = 0; turn < 2; turn += 1) expect((await one.digest("SHA-1", pattern(large))).byteLength).toBe(20);
    expect(tries).toBe(2);
  });
});

/** A device whose operations end when the test says so. */
function slow(): { threads: ThreadedDevice; running: (() => void)[]; started: () => number; close: () => void } {
  const running: (() => void)[] = [];
  let started = 0;
  let isClosed = false;
  const work = () => new Promise<Uint8Array>((resolve) => running.push(() => resolve(new Uint8Array(20))));
  const start = async () => {
    started += 1;
    return {
      get closed() {
        return isClosed;
      },
      close: async () => {},
      seal: work,
      digest: work,
    };
  };
  return {
    threads: { cipher: start, aead: start, hash: start, hmac: start },
    running,
    started: () => started,
    close: () => {
      isClosed = true;
    },
  };
}

describe("data of up to 1 MiB", () => {
  class SlowHost extends SoftwareHost {
    /** Milliseconds. */
    pause = 0;

    override ioctl(...args: Parameters<SoftwareHost["ioctl"]>): number {
      const end = performance.now() + this.pause;
      while (performance.now() < end);
      return super.ioctl(...args);
    }
  }

  /** A device that is as slow as the test says, and threads that count their operations. */
  function open() {
    const host = new SlowHost();
    const state = { host, inThreads: 0 };
    const slowed = Device.open(host);
    onTestFinished(() => slowed.close());
    const start = async () => ({
      closed: false,
      close: async () => {},
      digest: async () => {
        state.inThreads += 1;
        return new Uint8Array(20);
      },
    });
    const subtle = subtleOf(slowed, { threads: { cipher: start, aead: start, hash: start, hmac: start } }) as Subtle;
    return { state, digest: () => subtle.digest("SHA-1", pattern(small + 1)) };
  }

  test("is processed here if nothing else is and the device was not slow, otherwise in a thread", async () => {
    const { state, digest } = open();
    await Promise.all([digest(), digest(), digest()]);
    expect(state.inThreads).toBe(2);
    state.host.pause = 50;
    await digest();
    await digest();
    expect(state.inThreads).toBeGreaterThan(2);
  });

  test("is processed here again some time after the device was slow", async () => {
    const { state, digest } = open();
    state.host.pause = 10;
    await digest();
    state.host.pause = 0;
    let count = 0;
    for (let last = -1; last !== state.inThreads; count += 1) {
      last = state.inThreads;
      await digest();
    }
    expect(count).toBeGreaterThan(5);
    expect(count).toBeLessThan(100);
  });
});

test("up to 8 calls for one key run at the same time, in sessions that are used again", async () => {
  const host = new SoftwareHost();
  const own = Device.open(host);
  onTestFinished(() => own.close());
  const { threads, running, started, close } = slow();
  const one = subtleOf(own, { threads }) as Subtle;
  const key = await keyOf(one, "AES-GCM");
  const later = () => new Promise((resolve) => setTimeout(resolve));
  const run = async (calls: number, call: () => Promise<unknown>) => {
    const all = Array.from({ length: calls }, call);
    for (let waits = 0; waits < 1000 && running.length < calls; waits += 1) await later();
    expect(running).toHaveLength(calls);
    for (const end of running.splice(0)) end();
    await Promise.all(all);
  };
  const encrypt = () => one.encrypt(gcm, key, pattern(large));
  await run(8, encrypt);
  expect(started()).toBe(8);
  await run(12, encrypt);
  expect(started()).toBe(8);
  await run(8, () => one.digest("SHA-1", pattern(large)));
  expect(started()).toBe(16);
  close();
  await run(1, encrypt);
  expect(started()).toBe(17);
});
