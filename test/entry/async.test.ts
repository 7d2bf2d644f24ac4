import { spawnSync } from "node:child_process";
import { createCipheriv, createHash, createHmac } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";
import { runForJson, runProgram } from "../child.ts";
import { runtimeName } from "../runtime.ts";
import { canServe, ServedDevice } from "../software.ts";

/*
 * Each test runs a program of its own, because the runtime itself starts workers, with its own resolution of imports.
 */

const prelude = `
  import { openAsync } from "cryptodev";
  const pattern = (count, seed = 3) => Uint8Array.from({ length: count }, (_, index) => index * 7 + seed);
  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const say = (value) => console.log(JSON.stringify(value));
`;
const run = <T>(code: string) => runForJson<T>(prelude + code);

/** Where a program can resolve the packages. */
const programs = fileURLToPath(new URL("../.programs/", import.meta.url));
mkdirSync(programs, { recursive: true });

/** A device whose driver runs operations asynchronously. */
let served: Promise<ServedDevice> | undefined;
const servedFolder = mkdtempSync(join(tmpdir(), "cryptodev-async-"));
afterAll(async () => {
  await (await served)?.stop();
  rmSync(servedFolder, { recursive: true, force: true });
});

describe("openAsync()", () => {
  test("returns the same results as the blocking API", () => {
    const results = run<Record<string, string>>(`
      const device = await openAsync({ backend: "software" });
      const key = pattern(16);
      const starting = device.cipher("aes-128-cbc", key);
      key.fill(0);
      const aes = await starting;
      const [sha, hmac, gcm] = await Promise.all([
        device.hash("sha256"),
        device.hmac("sha1", pattern(20)),
        device.aead("aes-gcm", pattern(16), { tagSize: 12 }),
      ]);
      const ciphertext = await aes.encrypt(pattern(64), pattern(16));
      const sealed = await gcm.seal(pattern(5), pattern(12), pattern(3));
      say({
        backend: device.backend,
        path: device.path,
        names: [aes, sha, hmac, gcm].map(({ name }) => name).join(),
        driver: aes.info.cipher.name,
        ciphertext: hex(ciphertext),
        plaintext: hex(await aes.decrypt(ciphertext, pattern(16))),
        sha: hex(await sha.digest(pattern(100))),
        hmac: hex(await hmac.digest(pattern(100))),
        opened: hex(await gcm.open(sealed, pattern(12), pattern(3))),
        sealedSize: String(sealed.length),
      });
      await device.close();
    `);
    const cipher = createCipheriv("aes-128-cbc", pattern(16), pattern(16)).setAutoPadding(false);
    expect(results).toEqual({
      backend: "software",
      path: "/dev/crypto",
      names: "aes-128-cbc,sha256,hmac-sha1,aes-gcm",
      driver: "cbc(aes)",
      ciphertext: cipher.update(pattern(64)).toString("hex"),
      plaintext: toHex(pattern(64)),
      sha: createHash("sha256").update(pattern(100)).digest("hex"),
      hmac: createHmac("sha1", pattern(20)).update(pattern(100)).digest("hex"),
      opened: toHex(pattern(5)),
      sealedSize: "17",
    });
  });

  test("runs the operations of a session in the order of their calls, on the data at the time of each call", () => {
    const { order, equal } = run<{ order: number[]; equal: boolean }>(`
      const device = await openAsync({ backend: "software", workers: 2 });
      const aes = await device.cipher("aes-128-cbc", pattern(16));
      const other = await device.cipher("aes-128-cbc", pattern(16));
      const source = pattern(64);
      const order = [];
      const first = aes.encrypt(source.subarray(0, 32), pattern(16)).then((bytes) => (order.push(1), bytes));
      const second = aes.encrypt(source.subarray(32)).then((bytes) => (order.push(2), bytes));
      const third = aes.encrypt(new Uint8Array(1 << 20), pattern(16)).then(() => order.push(3));
      source.fill(0);
      const whole = await other.encrypt(pattern(64), pattern(16));
      const equal = hex(await first) + hex(await second) === hex(whole);
      await third;
      say({ order, equal });
      await device.close();
    `);
    expect(order).toEqual([1, 2, 3]);
    expect(equal).toBe(true);
  });

  test("does not block the event loop", () => {
    const { turns } = run<{ turns: number }>(`
      const device = await openAsync({ backend: "software" });
      const sha = await device.hash("sha512");
      let turns = 0;
      const timer = setInterval(() => (turns += 1), 1);
      await sha.digest(new Uint8Array(64 << 20));
      clearInterval(timer);
      say({ turns });
      await device.close();
    `);
    expect(turns).toBeGreaterThan(5);
  });

  test("rejects with the errors of the blocking API, of the same class", () => {
    const errors = run<{ name: string; message: string; code?: string }[]>(`
      import { CryptodevError } from "cryptodev";
      const caught = async (promise) => {
        try {
          await promise;
          return "nothing";
        } catch (error) {
          const { name, message, code } = error;
          return { name, message, code, isOurs: error instanceof CryptodevError || error instanceof RangeError || error instanceof TypeError || name === "ClosedError" };
        }
      };
      const device = await openAsync({ backend: "software" });
      const gcm = await device.aead("aes-gcm", pattern(16));
      const closed = await device.hash("sha1");
      await closed.close();
      await closed.close();
      const results = [
        await caught(device.cipher("aes-cbc", pattern(15))),
        await caught(gcm.open(pattern(32), pattern(12))),
        await caught(gcm.seal("text", pattern(12))),
        await caught(gcm.seal("", pattern(12))),
        await caught(device.hmac("sha1", new ArrayBuffer(20))),
        await caught(closed.digest(pattern(1))),
        await caught(openAsync({ backend: "kernel", path: "/dev/no-crypto" })),
        await caught(openAsync({ workers: 0 })),
      ];
      await device.close();
      await device.close();
      results.push(await caught(device.hash("sha1")), await caught(gcm.seal(pattern(1), pattern(12))));
      say(results);
    `);
    expect(errors).toMatchObject([
      { name: "RangeError", message: "key for aes-cbc: expected 16, 24 or 32 bytes, got 15", isOurs: true },
      {
        name: "CryptodevError",
        code: "EBADMSG",
        message: "CIOCAUTHCRYPT /dev/crypto: EBADMSG, the data did not authenticate",
        isOurs: true,
      },
      {
        name: "TypeError",
        message: expect.stringMatching(/^source for aes-gcm: expected a Uint8Array, got a string; encode it/),
        isOurs: true,
      },
      { name: "TypeError", message: expect.stringMatching(/^source for aes-gcm: /), isOurs: true },
      {
        name: "TypeError",
        message: expect.stringMatching(/^key for hmac: expected a Uint8Array, got an ArrayBuffer; wrap it/),
        isOurs: true,
      },
      { name: "ClosedError", isOurs: true },
      {
        name: "CryptodevError",
        code: "ENOENT",
        message: expect.stringMatching(/^open \/dev\/no-crypto: ENOENT, there is no such device\. .*modprobe/),
        isOurs: true,
      },
      { name: "RangeError", isOurs: true },
      { name: "ClosedError", isOurs: true },
      { name: "ClosedError", isOurs: true },
    ]);
  });

  if (runtimeName === "Deno") {
    test("works without Deno's permissions in its threads", () => {
      const { first } = runForJson<{ first: number }>(
        `${prelude}
        const device = await openAsync({ backend: "software" });
        say({ first: (await (await device.hash("sha1")).digest(new TextEncoder().encode("abc")))[0] });
        await device.close();`,
        { permissions: ["--no-prompt"] },
      );
      expect(first).toBe(169);
    });
  }

  if (runtimeName === "Node.js") {
    test("rejects in a module that is preloaded into its own threads", () => {
      const folder = mkdtempSync(join(programs, "preload-"));
      const file = join(folder, "preload.mjs");
      writeFileSync(file, `${prelude} console.log("begun"); const device = await openAsync({ backend: "software" });`);
      // Without the check, threads would start threads without end, so the run is limited.
      const { stdout, stderr, signal } = spawnSync(process.execPath, ["--import", file, "-e", "0"], {
        encoding: "utf8",
        timeout: 40_000,
        killSignal: "SIGKILL",
      });
      rmSync(folder, { recursive: true });
      expect([stdout, signal]).toEqual(["begun\nbegun\n", null]);
      expect(stderr).toContain(
        "openAsync() was called in a thread that openAsync() started; a preloaded module (--import, --require) runs in every thread; call openAsync() only if isMainThread",
      );
    });
  }

  test("works in a program that is switched over, with the runtime's own node:crypto in its threads", () => {
    const results = runForJson<object>(
      `${prelude}
      import { createHash } from "node:crypto";
      import ours from "cryptodev/crypto";
      const device = await openAsync({ backend: "software" });
      const aes = await device.cipher("aes-128-cbc", pattern(16));
      say({ isSwitched: createHash === ours.createHash, ciphertext: hex(await aes.encrypt(pattern(16), pattern(16))) });
      await device.close();`,
      { isSwitched: true, env: { CRYPTODEV_BACKEND: "software" } },
    );
    const cipher = createCipheriv("aes-128-cbc", pattern(16), pattern(16)).setAutoPadding(false);
    expect(results).toEqual({ isSwitched: true, ciphertext: cipher.update(pattern(16)).toString("hex") });
  });

  test("works in a worker of the program", () => {
    const { first } = run<{ first: number }>(`
      import { isMainThread, parentPort, Worker } from "node:worker_threads";
      if (isMainThread) {
        const worker = new Worker(new URL(import.meta.url), { workerData: { task: 1 } });
        worker.on("message", (first) => {
          say({ first });
          worker.terminate();
        });
      } else {
        const device = await openAsync({ backend: "software", workers: 2 });
        const digest = await (await device.hash("sha1")).digest(new TextEncoder().encode("abc"));
        await device.close();
        parentPort.postMessage(digest[0]);
      }
    `);
    expect(first).toBe(169);
  });

  describe.each(["software", ...(canServe ? ["driver"] : [])])("(%s)", (way) => {
    /** Opens a device; the driver of "driver" runs operations asynchronously. */
    const open = async (): Promise<string> => {
      if (way === "software") return `openAsync({ backend: "software" })`;
      served ??= ServedDevice.start(join(servedFolder, "crypto"), ["--async"]);
      return `openAsync({ backend: "kernel", path: ${JSON.stringify((await served).path)} })`;
    };

    test("rejects wrong arguments with a TypeError, after which close() resolves", async () => {
      const results = run<Record<string, string>>(`
        const device = await ${await open()};
        const [sha, aes, gcm] = [
          await device.hash("sha256"),
          await device.cipher("aes-128-cbc", pattern(16)),
          await device.aead("aes-gcm", pattern(16)),
        ];
        const throwing = (name) => ({ get [name]() { throw new Error("by a getter"); } });
        const signal = (changes) => ({ signal: Object.assign({
          aborted: false, reason: "why", addEventListener() {}, removeEventListener() {},
        }, changes) });
        const fail = () => { throw new TypeError("by a signal"); };
        const mistakes = {
          controller: () => sha.digest(pattern(1), { signal: new AbortController() }),
          "no signal": () => sha.digest(pattern(1), { signal: null }),
          "signal, a function": () => sha.digest(pattern(1), { signal: () => {} }),
          "signal by a getter": () => sha.digest(pattern(1), throwing("signal")),
          "signal without methods": () => sha.digest(pattern(1), { signal: { aborted: false } }),
          "signal that refuses listeners": () => sha.digest(pattern(1), signal({ addEventListener: fail })),
          "signal that keeps listeners": () => sha.digest(pattern(1), signal({ removeEventListener: fail })),
          "options, a function": () => sha.digest(pattern(1), () => {}),
          "options, null": () => aes.encrypt(pattern(16), pattern(16), null),
          "tagSize by a getter": () => device.aead("aes-gcm", pattern(16), throwing("tagSize")),
          "tagSize, a function": () => device.aead("aes-gcm", pattern(16), { tagSize: () => 16 }),
          "tagSize, an object": () => device.aead("aes-gcm", pattern(16), { tagSize: { valueOf: () => 16 } }),
          "aead options, null": () => device.aead("aes-gcm", pattern(16), null),
          "name, a symbol": () => device.cipher(Symbol("aes-cbc"), pattern(16)),
          "name, a function": () => device.hmac(() => "sha1", pattern(16)),
          "name, an object": () => device.hash({ toString: () => "sha1" }),
          "no key": () => device.hmac("sha1"),
          "nonce, a function": () => gcm.seal(pattern(1), () => {}),
          "source by a proxy": () => sha.digest(new Proxy(pattern(1), {})),
          "workers, a function": () => openAsync({ backend: "software", workers: () => 1 }),
          "path, an object": () => openAsync({ backend: "software", path: { toString: () => "/dev/crypto" } }),
          "chunkSize, an object": () => openAsync({ backend: "software", chunkSize: { valueOf: () => 16 } }),
          "open options by a getter": () => openAsync(throwing("backend")),
          "open options, null": () => openAsync(null),
        };
        const results = {};
        for (const [name, mistake] of Object.entries(mistakes)) {
          results[name] = await mistake().then(() => "done", (error) => error.name);
        }
        results.empty = hex(await (await device.hmac("sha256", new Uint8Array(0))).digest(new Uint8Array(0))).slice(0, 4);
        results.extra = await device.aead("aes-gcm", pattern(16), { tagSize: 12, log() {} }).then(({ name }) => name);
        results.after = hex(await sha.digest(pattern(1))).slice(0, 4);
        await device.close();
        say(results);
      `);
      const { empty, extra, after, ...mistakes } = results;
      expect(Object.entries(mistakes).filter(([, name]) => name !== "TypeError")).toEqual([]);
      expect(empty).toBe(createHmac("sha256", "").digest("hex").slice(0, 4));
      expect([extra, after]).toEqual(["aes-gcm", createHash("sha256").update(pattern(1)).digest("hex").slice(0, 4)]);
    });

    test("cancels only the operation of its signal, even if addEventListener() starts others", async () => {
      const results = run<string[]>(`
        const device = await ${await open()};
        const sha = await device.hash("sha256");
        const others = [];
        let abort;
        const signal = {
          aborted: false,
          reason: "aborted",
          addEventListener(_, listener) {
            others.push(sha.digest(pattern(1)));
            abort = listener;
          },
          removeEventListener() {},
        };
        const cancelled = sha.digest(pattern(8 << 20), { signal }).catch((reason) => reason);
        abort();
        const results = [await cancelled, ...(await Promise.all(others)).map((digest) => hex(digest).slice(0, 4))];
        await device.close();
        say(results);
      `);
      expect(results).toEqual(["aborted", createHash("sha256").update(pattern(1)).digest("hex").slice(0, 4)]);
    });

    test("rejects if a signal calls its listener at once, or its reason throws", async () => {
      const results = run<unknown[]>(`
        const device = await ${await open()};
        const sha = await device.hash("sha256");
        const base = { aborted: false, removeEventListener() {} };
        const caught = (promise) => promise.then(() => "done", (error) => error.message ?? error);
        const results = [
          await caught(sha.digest(pattern(1), { signal: { ...base, reason: "at once", addEventListener: (_, call) => call() } })),
          await caught(sha.digest(pattern(1), { signal: Object.defineProperty({ ...base, addEventListener: (_, call) => call() }, "reason", { get() { throw new Error("thrown"); } }) })),
        ];
        await device.close();
        say(results);
      `);
      expect(results).toEqual(["at once", "thrown"]);
    });

    test("requires an iv after an operation that was aborted or rejected", async () => {
      const results = run<Record<string, string>>(`
        const device = await ${await open()};
        const aes = await device.cipher("aes-128-cbc", pattern(16));
        const ecb = await device.cipher("aes-128-ecb", pattern(16));
        const caught = (promise) => promise.then((bytes) => hex(bytes), (error) => error.message ?? String(error));
        const aborting = (session, ...args) => {
          const controller = new AbortController();
          const promise = caught(session.encrypt(...args, { signal: controller.signal }));
          return { promise, abort: () => controller.abort("aborted") };
        };
        const results = {};
        const first = aes.encrypt(pattern(16), pattern(16));
        const second = aborting(aes, pattern(1 << 20), undefined);
        const queued = caught(aes.encrypt(pattern(16)));
        second.abort();
        results.before = await caught(first);
        results.aborted = await second.promise;
        results.queued = await queued;
        results.later = await caught(aes.encrypt(pattern(16)));
        results.wrong = await caught(aes.encrypt(pattern(16), pattern(15)));
        results.afterWrong = await caught(aes.encrypt(pattern(16)));
        results.fresh = await caught(aes.encrypt(pattern(16), pattern(16)));
        results.continued = (await caught(aes.encrypt(pattern(16)))).slice(0, 4);
        const aborted = new AbortController();
        aborted.abort("before");
        results.beforehand = await caught(aes.encrypt(pattern(16), undefined, { signal: aborted.signal }));
        results.afterBeforehand = await caught(aes.encrypt(pattern(16)));
        const third = aborting(ecb, pattern(1 << 20), undefined);
        third.abort();
        await third.promise;
        results.ecb = (await caught(ecb.encrypt(pattern(16)))).slice(0, 4);
        await device.close();
        say(results);
      `);
      const cbc = createCipheriv("aes-128-cbc", pattern(16), pattern(16)).setAutoPadding(false);
      const first = cbc.update(pattern(16)).toString("hex");
      const ecb = createCipheriv("aes-128-ecb", pattern(16), null).setAutoPadding(false);
      const refused =
        "iv for aes-128-cbc: expected 16 bytes, got none; the previous operation was aborted or rejected, so that nothing can continue from its end";
      expect(results).toEqual({
        before: first,
        aborted: "aborted",
        queued: refused,
        later: refused,
        wrong: "iv for aes-128-cbc: expected 16 bytes, got 15",
        afterWrong: refused,
        fresh: first,
        continued: cbc.update(pattern(16)).toString("hex").slice(0, 4),
        beforehand: "before",
        afterBeforehand: refused,
        ecb: ecb.update(pattern(16)).toString("hex").slice(0, 4),
      });
    });
  });

  test("ignores options that a program added to Object.prototype", () => {
    const results = run<object>(`
      const polluted = async (pollution, work) => {
        Object.assign(Object.prototype, pollution);
        try {
          return await work();
        } finally {
          for (const name of Object.keys(pollution)) delete Object.prototype[name];
        }
      };
      // Only our own reads count, not the runtime's while it starts a thread.
      const opening = { workers: 300, chunkSize: 17, hardware: "require" };
      const device = await polluted(opening, () => openAsync({ backend: "software" }));
      const sealed = await polluted({ tagSize: 4, signal: 1 }, async () => {
        const gcm = await device.aead("aes-gcm", pattern(16), {});
        return gcm.seal(pattern(5), pattern(12), undefined, {});
      });
      await device.close();
      say({ size: sealed.length });
    `);
    expect(results).toEqual({ size: 21 });
  });

  test("rejects at once when a signal is aborted, and does not run an operation that has not started", () => {
    const results = run<{ reasons: string[]; after: string; operations: number }>(`
      const device = await openAsync({ backend: "software" });
      const sha = await device.hash("sha256");
      const controller = new AbortController();
      const reasons = [];
      const note = (error) => reasons.push(error.message ?? String(error));
      const long = sha.digest(new Uint8Array(32 << 20));
      const cancelled = sha.digest(pattern(10), { signal: controller.signal }).catch(note);
      controller.abort(new Error("no longer needed"));
      await cancelled;
      await sha.digest(pattern(10), { signal: controller.signal }).catch(note);
      await long;
      say({ reasons, after: hex(await sha.digest(pattern(10))) });
      await device.close();
    `);
    expect(results.reasons).toEqual(["no longer needed", "no longer needed"]);
    expect(results.after).toBe(createHash("sha256").update(pattern(10)).digest("hex"));
  });

  test("returns a device whose close() resolves if the answer to an aborted operation arrives meanwhile", () => {
    const { closed } = run<{ closed: boolean }>(`
      const device = await openAsync({ backend: "software" });
      const sha = await device.hash("sha256");
      const controller = new AbortController();
      const digest = sha.digest(pattern(10), { signal: controller.signal }).catch(() => {});
      // The thread answers while this one does not process messages.
      for (const end = performance.now() + 200; performance.now() < end; );
      controller.abort();
      await digest;
      await device.close();
      say({ closed: true });
    `);
    expect(closed).toBe(true);
  });

  test("returns a device whose close() waits for operations in flight", () => {
    const { done } = run<{ done: boolean }>(`
      const device = await openAsync({ backend: "software" });
      const sha = await device.hash("sha256");
      let done = false;
      sha.digest(new Uint8Array(16 << 20)).then(() => (done = true));
      await device.close();
      await null;
      say({ done });
    `);
    expect(done).toBe(true);
  });

  test("lets a process that forgets close() end after its results", () => {
    const { status, stdout } = runProgram(`${prelude}
      const device = await openAsync({ backend: "software" });
      const sha = await device.hash("sha256");
      sha.digest(new Uint8Array(16 << 20)).then((digest) => console.log(digest.length));
    `);
    expect([status, stdout.trim()]).toEqual([0, "32"]);
  });
});
