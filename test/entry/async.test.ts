import { spawnSync } from "node:child_process";
import { createCipheriv, createHash, createHmac } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { AsyncCipher, AsyncDevice, AsyncSession, CipherName } from "cryptodev";
import { afterAll, describe, expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";
import { runForJson, runProgram } from "../child.ts";
import { runtimeName } from "../runtime.ts";
import { canServe, ServedDevice } from "../software.ts";
import { temporaryFolder } from "../temporary_folder.ts";

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
const servedFolder = temporaryFolder("async");
afterAll(async () => {
  await (await served)?.stop();
});

describe("openAsync()", () => {
  test("returns the results of node:crypto, and lets the program wipe a key at once", () => {
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
      const sealed = await gcm.seal(pattern(5), { nonce: pattern(12), aad: pattern(3) });
      say({
        backend: device.backend,
        path: device.path,
        names: [aes, sha, hmac, gcm].map(({ name }) => name).join(),
        driver: (await aes.info()).cipher.name,
        ciphertext: hex(ciphertext),
        plaintext: hex(await aes.decrypt(ciphertext, pattern(16))),
        sha: hex(await sha.digest(pattern(100))),
        hmac: hex(await hmac.digest(pattern(100))),
        opened: hex(await gcm.open(sealed, { nonce: pattern(12), aad: pattern(3) })),
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
      const encryptor = await aes.encryptor(pattern(16));
      const first = encryptor.update(source.subarray(0, 32)).then((bytes) => (order.push(1), bytes));
      const second = encryptor.update(source.subarray(32)).then((bytes) => (order.push(2), bytes));
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

  test("rejects with the errors of the blocking API: class, message and properties", () => {
    const differences = run<unknown[]>(`
      import { open } from "cryptodev";
      import { CIOCCPHASH } from "cryptodev/abi";
      import process from "node:process";
      const shown = (error) => ({
        class: error.constructor.name,
        own: Object.entries(Object.getOwnPropertyDescriptors(error))
          .filter(([name]) => !["stack", "line", "column", "sourceURL", "originalLine", "originalColumn"].includes(name))
          .map(([name, { value, enumerable }]) => [name, value instanceof Error ? shown(value) : value, enumerable])
          .sort(),
      });
      const caught = async (compute) => {
        try {
          return { result: String(await compute()) };
        } catch (error) {
          return shown(error);
        }
      };
      const [key, iv, nonce] = [pattern(16), pattern(16), pattern(12)];
      const keys = { key, macKey: key };
      const mistakes = {
        "key size": (device) => device.cipher("aes-cbc", pattern(15)),
        "name": (device) => device.cipher("aes-128-gcm", key),
        "close name": (device) => device.hash("sha2556"),
        "no iv": async (device) => (await device.cipher("aes-cbc", key)).encrypt(pattern(16)),
        "iv of ECB": async (device) => (await device.cipher("aes-ecb", key)).encrypt(pattern(16), iv),
        "source size": async (device) => (await device.cipher("aes-cbc", key)).encrypt(pattern(15), iv),
        "short destination": async (device) => (await device.cipher("aes-cbc", key)).encryptInto(pattern(16), pattern(15), iv),
        "no destination": async (device) => (await device.cipher("aes-cbc", key)).encryptInto(pattern(16), undefined, iv),
        "source and iv swapped": async (device) => (await device.cipher("aes-cbc", key)).encrypt(iv, pattern(64)),
        "destination and iv swapped": async (device) => (await device.cipher("aes-cbc", key)).encryptInto(pattern(64), iv, pattern(64)),
        "iv for encryptInto() of ECB": async (device) => (await device.cipher("aes-ecb", key)).encryptInto(key, pattern(16), iv),
        "no iv for decryptInto()": async (device) => (await device.cipher("aes-cbc", key)).decryptInto(key, pattern(16)),
        "chunks of XTS": async (device) => (await device.cipher("aes-xts", pattern(32))).encryptor(iv),
        "padding of CTR": async (device) => (await device.cipher("aes-ctr", key)).encryptor(iv, { padding: true }),
        "half a block": async (device) => (await (await device.cipher("aes-cbc", key)).encryptor(iv)).update(pattern(3)),
        "tag": async (device) => (await device.aead("aes-gcm", key)).open(pattern(32), { nonce }),
        "no nonce": async (device) => (await device.aead("aes-gcm", key)).seal(pattern(32)),
        "short sealed": async (device) => (await device.aead("aes-gcm", key)).open(pattern(3), { nonce }),
        "managed nonce": async (device) => (await device.aead("aes-gcm", key, { managedNonce: true })).seal(key, { nonce }),
        "text": async (device) => (await device.aead("aes-gcm", key)).seal("text", { nonce }),
        "mac size": async (device) => (await device.hmac("sha1", key)).verify(key, pattern(3)),
        "data and mac swapped": async (device) => (await device.hmac("sha1", key)).verify(pattern(20), key),
        "mac in hex": async (device) => (await device.hmac("sha1", key)).verify(key, pattern(40)),
        "data of verify()": async (device) => (await device.hmac("sha1", key)).verify("text", pattern(20)),
        "mac": async (device) => (await device.cipherWithMac({ cipher: "aes-cbc", mac: "hmac-sha1", ...keys })).decrypt(key, { mac: pattern(20), iv }),
        "no mac": async (device) => (await device.cipherWithMac({ cipher: "aes-cbc", mac: "hmac-sha1", ...keys })).decrypt(key, { iv }),
        "record": async (device) => (await device.tls({ cipher: "aes-cbc", mac: "sha1", ...keys })).open(pattern(64), { header: key, iv }),
        "no header": async (device) => (await device.tls({ cipher: "aes-cbc", mac: "sha1", ...keys })).open(pattern(64), { iv }),
        "packet": async (device) => (await device.srtp({ cipher: "aes-ctr", mac: "sha1", ...keys })).open(pattern(64), { headerSize: 12, iv }),
        "no headerSize": async (device) => (await device.srtp({ cipher: "aes-ctr", mac: "sha1", ...keys })).open(pattern(64), { iv }),
        "srtp tag": (device) => device.srtp({ cipher: "aes-ctr", mac: "sha1", tagSize: 21, ...keys }),
        "capabilities": (device) => device.capabilities({ hardware: "never" }),
      };
      const options = { backend: "software" };
      const [device, blocking] = [await openAsync(options), open(options)];
      const differences = [];
      const compare = async (name, compute, expecting) => {
        const [got, expected] = [await caught(compute), await caught(expecting)];
        if (JSON.stringify(got) !== JSON.stringify(expected)) differences.push({ name, got, expected });
      };
      for (const [name, mistake] of Object.entries(mistakes)) {
        await compare(name, () => mistake(device), () => mistake(blocking));
      }
      const opening = [
        { backend: "kernel", path: "/dev/no, crypto" },
        { backend: "software", chunkSize: { valueOf: () => 16 } },
        { backend: "software", hardware: "maybe" },
        { path: 1 },
      ];
      for (const one of opening) await compare(JSON.stringify(one), () => openAsync(one), () => open(one));
      const hardware = { ...options, hardware: "require" };
      const [strict, blockingStrict] = [await openAsync(hardware), open(hardware)];
      await compare("hardware", () => strict.hash("sha1"), () => blockingStrict.hash("sha1"));
      for (const one of [device, blocking, strict, blockingStrict]) await one.close();
      say(differences);
    `);
    expect(differences).toEqual([]);
  });

  test("has every member that open() has, except for allocate(), clone(), submitter(), and updateInto() of chunks", () => {
    const { missing, more } = run<{ missing: object; more: object }>(`
      import { open } from "cryptodev";
      const namesOf = (object) => {
        const names = new Set();
        for (let one = object; one !== Object.prototype; one = Object.getPrototypeOf(one)) {
          for (const name of Object.getOwnPropertyNames(one)) names.add(name);
        }
        return names;
      };
      const keys = { key: pattern(16), macKey: pattern(20) };
      const starts = {
        device: (device) => device,
        cipher: (device) => device.cipher("aes-cbc", pattern(16)),
        chunks: async (device) => (await device.cipher("aes-cbc", pattern(16))).encryptor(pattern(16)),
        hash: (device) => device.hash("sha1"),
        hmac: (device) => device.hmac("sha1", pattern(20)),
        aead: (device) => device.aead("aes-gcm", pattern(16)),
        cipherWithMac: (device) => device.cipherWithMac({ cipher: "aes-cbc", mac: "hmac-sha1", ...keys }),
        tls: (device) => device.tls({ cipher: "aes-cbc", mac: "sha1", ...keys }),
        srtp: (device) => device.srtp({ cipher: "aes-ctr", mac: "sha1", ...keys }),
      };
      const [device, blocking] = [await openAsync({ backend: "software" }), open({ backend: "software" })];
      // Methods that are private in TypeScript only.
      const inner = ["started", "requireOpen", "call", "startBeside", "copyTo"];
      const [missing, more] = [{}, {}];
      for (const [name, start] of Object.entries(starts)) {
        const [ours, theirs] = [namesOf(await start(device)), namesOf(await start(blocking))];
        missing[name] = [...theirs].filter((one) => !ours.has(one) && !inner.includes(one)).sort();
        more[name] = [...ours].filter((one) => !theirs.has(one) && !inner.includes(one)).sort();
      }
      await device.close();
      blocking.close();
      say({ missing, more });
    `);
    const none = { cipher: [], chunks: [], hash: [], hmac: [], aead: [], cipherWithMac: [], tls: [], srtp: [] };
    expect(missing).toEqual({ device: ["allocate", "clone", "submitter"], ...none, chunks: ["updateInto"] });
    expect(more).toEqual({ device: [], ...none });
  });

  test("has types that know what each algorithm needs", () => {
    // Only compiled.
    const typed = async (device: AsyncDevice, data: Uint8Array) => {
      const [cbc, ecb, xts, any] = [
        await device.cipher("aes-cbc", data),
        await device.cipher("aes-ecb", data),
        await device.cipher("aes-xts", data),
        await device.cipher("aes-cbc" as CipherName, data),
      ];
      const { signal } = new AbortController();
      const result: Uint8Array<ArrayBuffer> = await cbc.encrypt(data, data, { signal });
      // @ts-expect-error: the iv is missing
      await cbc.encrypt(data);
      // @ts-expect-error: the iv is missing
      await cbc.encrypt(data, { signal });
      const size: number = await ecb.encryptInto(data, data, { signal });
      // @ts-expect-error: it has no iv
      await ecb.encrypt(data, data);
      await any.encrypt(data, undefined, { signal });
      await xts.decrypt(data, data);
      // @ts-expect-error: it works on whole sectors
      await xts.encryptor(data);
      await cbc.encryptor(data, { padding: true });
      // @ts-expect-error: an option of stream ciphers
      await cbc.encryptor(data, { eager: true });
      // @ts-expect-error: there is no such cipher
      await device.cipher("aes-abc", data);
      const gcm = await device.aead("aes-gcm", data);
      const { tag } = await gcm.seal(data, { nonce: data, detached: true, signal });
      const sealed: Uint8Array<ArrayBuffer> = await gcm.seal(data, { nonce: data });
      const detached = data.length > 16;
      const either = await gcm.seal(data, { nonce: data, detached });
      const sessions: AsyncSession[] = [cbc, ecb, xts, gcm];
      const ciphers: AsyncCipher[] = [cbc, ecb];
      const isEqual: boolean = await (await device.hmac("sha1", data)).verify(data, data, { signal });
      return { result, size, tag, sealed, isEqual, either, sessions, ciphers };
    };
    expect(typed).toBeTypeOf("function");
  });

  test("rejects after close() with a ClosedError, and may be closed twice", () => {
    const results = run<unknown[]>(`
      const device = await openAsync({ backend: "software" });
      const caught = (promise) => promise.then(() => "done", ({ name, message }) => name + ": " + message);
      const [gcm, closed] = [await device.aead("aes-gcm", pattern(16)), await device.hash("sha1")];
      await closed.close();
      await closed.close();
      const results = [closed.closed, gcm.closed, device.closed, await caught(closed.digest(pattern(1)))];
      await device.close();
      await device.close();
      await gcm.close();
      results.push(gcm.closed, device.closed, await caught(device.hash("sha1")));
      results.push(await caught(device.capabilities()), await caught(gcm.info()));
      say(results);
    `);
    expect(results).toEqual([
      true,
      false,
      false,
      "ClosedError: sha1 session: it was closed",
      true,
      true,
      "ClosedError: /dev/crypto: the device was closed",
      "ClosedError: /dev/crypto: the device was closed",
      "ClosedError: aes-gcm session: it was closed",
    ]);
  });

  test("rejects if a thread gets a job that it does not know, and the thread continues", () => {
    const results = run<string[]>(`
      import { Worker } from "node:worker_threads";
      const { postMessage } = Worker.prototype;
      let change = (job) => job;
      Worker.prototype.postMessage = function (job, transfer) {
        return postMessage.call(this, change(job), transfer);
      };
      const device = await openAsync({ backend: "software", workers: 1, inline: false });
      const sha = await device.hash("sha1");
      const caught = (promise) => promise.then((bytes) => bytes.length, ({ name, message }) => name + ": " + message);
      const results = [];
      for (const other of [{ method: "close" }, { method: "constructor" }, { method: "seal" }, { kind: "end" }]) {
        change = (job) => ({ ...job, ...other });
        results.push(await caught(sha.digest(pattern(1))));
      }
      change = (job) => job;
      results.push(await caught(sha.digest(pattern(1))));
      await device.close();
      say(results);
    `);
    const unknown = "TypeError: job of a thread: expected a method of its object, got a string";
    expect(results).toEqual([
      unknown,
      unknown,
      unknown,
      'TypeError: job of a thread: expected "start", "call" or "close", got an Object',
      20,
    ]);
  });

  test("writes results into memory only if it still has room for them", () => {
    const results = run<Record<string, unknown>>(`
      const device = await openAsync({ backend: "software" });
      const ctr = await device.cipher("aes-ctr", pattern(16));
      const both = await device.cipherWithMac({ cipher: "aes-ctr", key: pattern(16), mac: "sha1" });
      const caught = (promise) => promise.then(() => "done", ({ name, message }) => name + ": " + message);
      const results = {};
      const detached = new Uint8Array(32);
      const detaching = caught(ctr.encryptInto(pattern(32), detached, pattern(16)));
      structuredClone(detached.buffer, { transfer: [detached.buffer] });
      results.detached = (await detaching).slice(0, 60);
      const buffer = new ArrayBuffer(32, { maxByteLength: 64 });
      const shrinking = caught(ctr.encryptInto(pattern(32), new Uint8Array(buffer), pattern(16)));
      buffer.resize(8);
      results.shrunk = await shrinking;
      results.untouched = hex(new Uint8Array(buffer));
      const mac = new Uint8Array(20);
      const destination = new Uint8Array(16);
      const losing = caught(both.encryptInto(pattern(16), destination, { mac, iv: pattern(16) }));
      structuredClone(mac.buffer, { transfer: [mac.buffer] });
      results.mac = (await losing).slice(0, 40);
      results.destination = hex(destination);
      const memory = pattern(64);
      results.overlap = await ctr.encryptInto(memory.subarray(0, 32), memory.subarray(16), pattern(16));
      results.same = hex(memory.subarray(16, 48)) === hex(await ctr.encrypt(pattern(32), pattern(16)));
      const gcm = await device.aead("aes-gcm", pattern(16));
      const plaintext = new Uint8Array(32).fill(9);
      results.forged = (await caught(gcm.openInto(pattern(32), plaintext, { nonce: pattern(12) }))).slice(0, 19);
      results.kept = plaintext.every((byte) => byte === 9);
      await device.close();
      say(results);
    `);
    expect(results).toEqual({
      detached: "TypeError: destination for aes-ctr: its memory is gone: the ",
      shrunk:
        "RangeError: destination for aes-ctr: expected at least 32 bytes, got 8; it shrank while the operation ran",
      untouched: "00".repeat(8),
      mac: "TypeError: mac for sha1: its memory is g",
      destination: "00".repeat(16),
      overlap: 32,
      same: true,
      forged: "AuthenticationError",
      kept: true,
    });
  });

  test("starts a thread when a session needs one, up to the number of processors, at most 8", () => {
    const results = run<Record<string, unknown>>(`
      import { availableParallelism } from "node:os";
      import { Worker } from "node:worker_threads";
      const threads = new Set();
      const { postMessage } = Worker.prototype;
      Worker.prototype.postMessage = function (...args) {
        threads.add(this);
        return postMessage.apply(this, args);
      };
      const results = {};
      const device = await openAsync({ backend: "software" });
      for (let round = 0; round < 3; round += 1) await (await device.hash("sha1")).close();
      results.one = threads.size;
      const first = await device.hash("sha1");
      await (await first.copy()).digest();
      const cipher = await device.cipher("aes-ctr", pattern(16));
      results.most = Math.min(availableParallelism(), 8);
      results.second = threads.size;
      const sessions = await Promise.all(Array.from({ length: 20 }, () => device.hash("sha1")));
      const digests = await Promise.all(sessions.map((session) => session.digest(pattern(5))));
      results.all = threads.size;
      results.equal = new Set(digests.map(hex)).size;
      await device.close();
      threads.clear();
      const many = await openAsync({ backend: "software", workers: 3 });
      await Promise.all(Array.from({ length: 6 }, () => many.hash("sha1")));
      results.three = threads.size;
      await many.close();
      say(results);
    `);
    const most = results.most as number;
    expect(results).toEqual({ one: 1, second: Math.min(2, most), most, all: most, equal: 1, three: 3 });
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
      if (way === "software") return `openAsync({ backend: "software", inline: false })`;
      served ??= ServedDevice.start(join(servedFolder, "crypto"), ["--async"]);
      return `openAsync({ backend: "kernel", path: ${JSON.stringify((await served).path)}, submit: true })`;
    };

    test("rejects wrong arguments with a TypeError, after which close() resolves", async () => {
      const results = run<Record<string, unknown>>(`
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
          "signal without methods": () => sha.digest(pattern(1), { signal: { aborted: false } }),
          "signal that refuses listeners": () => sha.digest(pattern(1), signal({ addEventListener: fail })),
          "signal that keeps listeners": () => sha.digest(pattern(1), signal({ removeEventListener: fail })),
          "options, a function": () => sha.digest(pattern(1), () => {}),
          "aead message, a function": () => gcm.seal(pattern(1), () => {}),
          "signal of an aead": () => gcm.seal(pattern(1), { nonce: pattern(12), signal: 1 }),
          "detached, a function": () => gcm.seal(pattern(1), { nonce: pattern(12), detached: () => {} }),
          "padding, an object": () => aes.encryptor(pattern(16), { padding: {} }),
          "headerSize, an object": async () =>
            (await device.srtp({ cipher: "aes-ctr", key: pattern(16), mac: "sha1", macKey: pattern(20) })).seal(
              pattern(64), { headerSize: { valueOf: () => 12 }, iv: pattern(16) }),
          "tls, null": () => device.tls(null),
          "mac, a symbol": () => device.tls({ cipher: "aes-cbc", key: pattern(16), mac: Symbol("sha1"), macKey: pattern(20) }),
          "macKey, text": () => device.tls({ cipher: "aes-cbc", key: pattern(16), mac: "sha1", macKey: "text" }),
          "submit, a number": () => openAsync({ backend: "software", submit: 1 }),
          "options, null": () => aes.encrypt(pattern(16), pattern(16), null),
          "tagSize, a function": () => device.aead("aes-gcm", pattern(16), { tagSize: () => 16 }),
          "tagSize, an object": () => device.aead("aes-gcm", pattern(16), { tagSize: { valueOf: () => 16 } }),
          "aead options, null": () => device.aead("aes-gcm", pattern(16), null),
          "name, a symbol": () => device.cipher(Symbol("aes-cbc"), pattern(16)),
          "name, a function": () => device.hmac(() => "sha1", pattern(16)),
          "name, an object": () => device.hash({ toString: () => "sha1" }),
          "no key": () => device.hmac("sha1"),
          "nonce, a function": () => gcm.seal(pattern(1), { nonce: () => {} }),
          "source by a proxy": () => sha.digest(new Proxy(pattern(1), {})),
          "workers, a function": () => openAsync({ backend: "software", workers: () => 1 }),
          "path, an object": () => openAsync({ backend: "software", path: { toString: () => "/dev/crypto" } }),
          "open options, null": () => openAsync(null),
        };
        const results = {};
        for (const [name, mistake] of Object.entries(mistakes)) {
          results[name] = await mistake().then(() => "done", (error) => error.name);
        }
        const getters = [
          () => sha.digest(pattern(1), throwing("signal")),
          () => device.aead("aes-gcm", pattern(16), throwing("tagSize")),
          () => gcm.seal(pattern(1), throwing("aad")),
          () => openAsync(throwing("backend")),
        ];
        results.getters = [];
        for (const mistake of getters) results.getters.push(await mistake().catch((error) => error.message));
        results.empty = hex(await (await device.hmac("sha256", new Uint8Array(0))).digest(new Uint8Array(0))).slice(0, 4);
        results.extra = await device.aead("aes-gcm", pattern(16), { tagSize: 12, log() {} }).then(({ name }) => name);
        results.after = hex(await sha.digest(pattern(1))).slice(0, 4);
        await device.close();
        say(results);
      `);
      const { getters, empty, extra, after, ...mistakes } = results;
      expect(Object.entries(mistakes).filter(([, name]) => name !== "TypeError")).toEqual([]);
      expect(getters).toEqual(Array.from({ length: 4 }, () => "by a getter"));
      expect(empty).toBe(createHmac("sha256", "").digest("hex").slice(0, 4));
      expect([extra, after]).toEqual(["aes-gcm", createHash("sha256").update(pattern(1)).digest("hex").slice(0, 4)]);
    });

    test("keeps the memory of data if the program gives it away, and has the same results", async () => {
      const results = run<{ differences: string[]; detached: string[]; wrong: string; parts: unknown }>(`
        const device = await ${await open()};
        const [key, iv, nonce, header] = [pattern(16), pattern(16), pattern(12), pattern(13)];
        const keys = { key, macKey: pattern(20) };
        const aes = await device.cipher("aes-cbc", key);
        const ecb = await device.cipher("aes-ecb", key);
        const sha = await device.hash("sha256");
        const hmac = await device.hmac("sha1", key);
        const gcm = await device.aead("aes-gcm", key);
        const both = await device.cipherWithMac({ cipher: "aes-cbc", mac: "hmac-sha1", ...keys });
        const tls = await device.tls({ cipher: "aes-cbc", mac: "sha1", ...keys });
        const srtp = await device.srtp({ cipher: "aes-ctr", mac: "sha1", ...keys });
        const calls = {
          encrypt: (data, options) => aes.encrypt(data, iv, options),
          decrypt: (data, options) => aes.decrypt(data, iv, options),
          encryptInto: (data, options) => aes.encryptInto(data, new Uint8Array(8192), iv, options),
          "encrypt without iv": (data, options) => ecb.encrypt(data, options),
          digest: (data, options) => sha.digest(data, options),
          verify: (data, options) => hmac.verify(data, pattern(20), options),
          seal: (data, options) => gcm.seal(data, { nonce, ...options }),
          open: async (data, options) => gcm.open(data, { nonce, tag: (await gcm.seal(await gcm.seal(data, { nonce }), { nonce })).slice(-16), ...options }),
          "cipherWithMac encrypt": async (data, options) => (await both.encrypt(data, { iv, ...options })).mac,
          "cipherWithMac decrypt": async (data, options) => both.decrypt(data, { iv, mac: pattern(20), ...options }),
          "tls seal": (data, options) => tls.seal(data, { header, iv, ...options }),
          "srtp seal": (data, options) => srtp.seal(data, { headerSize: 12, iv, ...options }),
        };
        const outcome = (promise) => promise.then((result) => typeof result === "object" ? hex(result) : result, String);
        const [differences, detached] = [[], []];
        /** The tag of seal() has room after the plaintext. */
        const fresh = (name) => {
          const data = new Uint8Array(new ArrayBuffer(name === "seal" ? 8208 : 8192), 0, 8192);
          data.set(pattern(8192));
          return data;
        };
        for (const [name, call] of Object.entries(calls)) {
          const expected = await outcome(call(pattern(8192), {}));
          const data = fresh(name);
          if ((await outcome(call(data, { transfer: true }))) !== expected) differences.push(name);
          if (data.length === 0) detached.push(name);
          const again = fresh(name);
          await outcome(call(again, { transfer: false }));
          if (again.length === 0) differences.push(name);
          // Data of up to 4096 bytes may be processed here, and stays as it is.
          const small = pattern(4096);
          await outcome(call(small, { transfer: true }));
          if (hex(small) !== hex(pattern(4096))) differences.push(name);
        }
        // Parts of other memory are copied, whatever slice() of their class does.
        class Part extends Uint8Array {
          slice() {
            return this;
          }
        }
        const parts = [new SharedArrayBuffer(16384), new ArrayBuffer(16384)].map((buffer) => new Part(buffer, 16, 8192));
        for (const part of parts) part.set(pattern(8192));
        const digest = hex(await sha.digest(pattern(8192)));
        say({
          differences, detached,
          wrong: await sha.digest(pattern(1), { transfer: 1 }).catch(String),
          parts: await Promise.all(
            parts.map(async (part) => [hex(await sha.digest(part, { transfer: true })) === digest, part.length]),
          ),
        });
        await device.close();
      `);
      expect(results.differences).toEqual([]);
      // A driver that runs operations by itself uses the memory where it is.
      const inThreads = ["seal", "open", "cipherWithMac encrypt", "cipherWithMac decrypt", "tls seal", "srtp seal"];
      const others = ["encrypt", "decrypt", "encryptInto", "encrypt without iv", "digest", "verify"];
      expect(results.detached).toEqual(way === "software" ? [...others, ...inThreads] : inThreads);
      expect(results.wrong).toBe("TypeError: transfer for sha256: expected a boolean, got 1");
      expect(results.parts).toEqual([
        [true, 8192],
        [true, 8192],
      ]);
    });

    test("copies data that cannot be given away: foreign memory, and memory that receives the result", async () => {
      const results = run<Record<string, unknown>>(`
        const device = await ${await open()};
        const [key, iv, nonce, header] = [pattern(16), pattern(16), pattern(12), pattern(13)];
        const keys = { key, macKey: pattern(20) };
        const aes = await device.cipher("aes-cbc", key);
        const sha = await device.hash("sha256");
        const gcm = await device.aead("aes-gcm", key);
        const both = await device.cipherWithMac({ cipher: "aes-cbc", mac: "hmac-sha1", ...keys });
        const tls = await device.tls({ cipher: "aes-cbc", mac: "sha1", ...keys });
        const srtp = await device.srtp({ cipher: "aes-ctr", mac: "sha1", ...keys });
        const transfer = true;
        const wasm = new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer);
        wasm.set(pattern(65536));
        const expected = hex(await aes.encrypt(pattern(65536), iv));
        const wrong = [];
        const check = (name, isRight) => isRight || wrong.push(name);
        check("wasm", hex(await aes.encrypt(wasm, iv, { transfer })) === expected && wasm.length === 65536);
        const data = pattern(65536);
        await aes.encryptInto(data, data, iv, { transfer });
        check("encryptInto", hex(data) === expected);
        await aes.decryptInto(data, data.subarray(0), iv, { transfer });
        check("decryptInto", hex(data) === hex(pattern(65536)));
        const digest = hex(await sha.digest(data));
        await sha.digestInto(data.subarray(0, 32), data, { transfer });
        check("digestInto", hex(data.subarray(0, 32)) === digest);
        const sealed = hex(await gcm.seal(pattern(8192), { nonce }));
        const place = new Uint8Array(8208);
        place.set(pattern(8192));
        await gcm.sealInto(place.subarray(0, 8192), place, { nonce, transfer });
        check("sealInto", hex(place) === sealed);
        await gcm.openInto(place, place, { nonce, transfer });
        check("openInto", hex(place.subarray(0, 8192)) === hex(pattern(8192)));
        const { ciphertext, mac } = await both.encrypt(pattern(8192), { iv });
        const one = pattern(8192);
        await both.encryptInto(one, one, { iv, mac: new Uint8Array(20), transfer });
        check("encryptInto with mac", hex(one) === hex(ciphertext));
        await both.decryptInto(one, one, { iv, mac, transfer });
        check("decryptInto with mac", hex(one) === hex(pattern(8192)));
        const [record, packet] = [await tls.seal(pattern(8192), { header, iv }), await srtp.seal(pattern(8192), { headerSize: 12, iv })];
        await tls.openInto(record, record, { header, iv, transfer });
        check("tls", hex(record.subarray(0, 8192)) === hex(pattern(8192)));
        await srtp.openInto(packet, packet, { headerSize: 12, iv, transfer });
        check("srtp", hex(packet.subarray(0, 8192)) === hex(pattern(8192)));
        await device.close();
        say({ wrong });
      `);
      expect(results.wrong).toEqual([]);
    });

    test("refuses a mac in the destination", async () => {
      const message = run<string>(`
        const device = await ${await open()};
        const both = await device.cipherWithMac({ cipher: "aes-cbc", key: pattern(16), mac: "sha1" });
        const place = pattern(64);
        const message = await both.encryptInto(pattern(64), place, { iv: pattern(16), mac: place.subarray(0, 20) }).catch(String);
        await device.close();
        say(hex(place) === hex(pattern(64)) ? message : "it was written");
      `);
      expect(message).toBe("RangeError: mac for sha1: expected memory apart from the destination");
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

    test("does not let an operation that was aborted or rejected affect the next one", async () => {
      const results = run<Record<string, string>>(`
        const device = await ${await open()};
        const [aes, ecb] = [await device.cipher("aes-128-cbc", pattern(16)), await device.cipher("aes-128-ecb", pattern(16))];
        const caught = (promise) => promise.then((bytes) => hex(bytes), (error) => error.message ?? String(error));
        const results = {};
        const [first, controller, beforehand] = [aes.encrypt(pattern(16), pattern(16)), new AbortController(), new AbortController()];
        const second = caught(aes.encrypt(pattern(1 << 20), pattern(16), { signal: controller.signal }));
        const third = caught(aes.encrypt(pattern(16), pattern(16)));
        const block = caught(ecb.encrypt(pattern(1 << 20), { signal: controller.signal }));
        controller.abort("aborted");
        beforehand.abort("before");
        results.before = await caught(first);
        results.aborted = await second;
        results.queued = await third;
        results.none = await caught(aes.encrypt(pattern(16)));
        results.wrong = await caught(aes.encrypt(pattern(16), pattern(15)));
        results.beforehand = await caught(aes.encrypt(pattern(16), pattern(16), { signal: beforehand.signal }));
        results.after = await caught(aes.encrypt(pattern(16), pattern(16)));
        results.abortedEcb = await block;
        results.ecb = await caught(ecb.encrypt(pattern(16)));
        results.ecbWithIv = await caught(ecb.encrypt(pattern(16), pattern(16)));
        results.ecbUndefined = await caught(ecb.encrypt(pattern(16), undefined, { signal: beforehand.signal }));
        await device.close();
        say(results);
      `);
      const cbc = createCipheriv("aes-128-cbc", pattern(16), pattern(16)).setAutoPadding(false);
      const first = cbc.update(pattern(16)).toString("hex");
      const ecb = createCipheriv("aes-128-ecb", pattern(16), null).setAutoPadding(false);
      expect(results).toEqual({
        before: first,
        aborted: "aborted",
        queued: first,
        none: "iv for aes-128-cbc: expected 16 bytes, got none",
        wrong: "iv for aes-128-cbc: expected 16 bytes, got 15",
        beforehand: "before",
        after: first,
        abortedEcb: "aborted",
        ecb: ecb.update(pattern(16)).toString("hex"),
        ecbWithIv: "iv for aes-128-ecb: expected none, as it has no iv; got a Uint8Array",
        ecbUndefined: "before",
      });
    });
  });

  describe.each(["software", ...(canServe ? ["kernel"] : [])])("on the %s's device", (way) => {
    /** Options that open a device in threads. */
    const options = async (): Promise<string> => {
      if (way === "software") return `{ backend: "software" }`;
      served ??= ServedDevice.start(join(servedFolder, "crypto"), ["--async"]);
      return `{ backend: "kernel", path: ${JSON.stringify((await served).path)} }`;
    };

    test("every method returns what that of open() returns", async () => {
      const { differences, count } = run<{ differences: unknown[]; count: number }>(`
        import { open } from "cryptodev";
        import { CIOCAUTHCRYPT, CIOCCPHASH, CIOCKEY } from "cryptodev/abi";
        const options = { ...${await options()}, statistics: true, chunkSize: 4096 };
        const [key, iv, nonce, aad] = [pattern(16), pattern(16), pattern(12), pattern(7)];
        const keys = { key, macKey: pattern(20) };
        const views = (text) => JSON.stringify(text, (_, value) =>
          value instanceof Uint8Array ? [value.byteOffset >= 0 && hex(value)] : value);
        const into = async (call, size) => {
          const destination = new Uint8Array(size);
          return [await call(destination), destination];
        };
        const facts = (session) => {
          const { name, mac, blockSize, ivSize, tagSize, macSize, digestSize, nonceSize, overhead, closed, statistics } = session;
          return { name, mac, blockSize, ivSize, tagSize, macSize, digestSize, nonceSize, overhead, closed, statistics, id: typeof session.id };
        };
        const chunked = async (chunks, ...parts) => {
          const results = [];
          for (const part of parts) results.push(await chunks.update(part));
          return [...results, await chunks.final()];
        };
        const steps = {
          async cipher(device) {
            const aes = await device.cipher("AES-128-CBC", key);
            const ciphertext = await aes.encrypt(pattern(10_000 - 10_000 % 16), iv);
            return [
              await aes.info(), ciphertext, await aes.decrypt(ciphertext, iv),
              await into((destination) => aes.encryptInto(pattern(32), destination, iv), 40),
              await into((destination) => aes.decryptInto(pattern(32), destination, iv), 32),
              await chunked(await aes.encryptor(iv, { padding: true }), pattern(20), pattern(0), pattern(5000)),
              await chunked(await aes.encryptor(iv), pattern(16), pattern(32)),
              await chunked(await aes.decryptor(iv, { padding: false }), pattern(16), pattern(32)),
              facts(aes), await aes.close(), aes.closed,
            ];
          },
          async stream(device) {
            const ctr = await device.cipher("aes-ctr", key);
            return [
              await ctr.encrypt(pattern(5), iv),
              await chunked(await ctr.encryptor(iv, { eager: true }), pattern(5), pattern(30)),
              await chunked(await ctr.decryptor(iv), pattern(5), pattern(30)),
              facts(ctr),
            ];
          },
          async ecb(device) {
            const ecb = await device.cipher("aes-ecb", key);
            return [
              await ecb.encrypt(pattern(32)),
              await into((destination) => ecb.decryptInto(pattern(32), destination), 32),
              await chunked(await ecb.encryptor({ padding: true }), pattern(5), pattern(30)),
              await chunked(await ecb.encryptor(undefined, { padding: true }), pattern(5), pattern(30)),
              await chunked(await ecb.decryptor(), pattern(16)),
            ];
          },
          async xts(device) {
            const xts = await device.cipher("aes-xts", pattern(32));
            return [await xts.encrypt(pattern(512), iv), await xts.decrypt(pattern(512), iv), facts(xts)];
          },
          async hash(device) {
            const sha = await device.hash("SHA-256");
            const results = [await sha.digest(pattern(9000)), await sha.digest(), (await sha.update(pattern(3))) === sha];
            const copy = await sha.copy();
            results.push(await sha.digest(pattern(4)), await copy.digest(), facts(copy), facts(sha));
            results.push(await into((destination) => sha.digestInto(destination, pattern(3)), 40));
            await sha.update(pattern(3));
            results.push(await into((destination) => sha.digestInto(destination), 32));
            return results;
          },
          async hmac(device) {
            const hmac = await device.hmac("sha1", keys.macKey);
            const mac = await hmac.digest(pattern(9));
            await hmac.update(pattern(3));
            const copy = await hmac.copy(keys.macKey);
            return [
              mac, await hmac.digest(pattern(2)), await copy.digest(),
              await hmac.verify(pattern(9), mac), await hmac.verify(pattern(8), mac), facts(hmac),
            ];
          },
          async aead(device) {
            const gcm = await device.aead("aes-128-gcm", key, { tagSize: 12 });
            const sealed = await gcm.seal(pattern(30), { nonce, aad });
            const { ciphertext, tag } = await gcm.seal(pattern(30), { nonce, aad, detached: true });
            return [
              sealed, ciphertext, tag,
              await gcm.open(sealed, { nonce, aad }), await gcm.open(ciphertext, { nonce, aad, tag }),
              await into((destination) => gcm.sealInto(pattern(30), destination, { nonce }), 42),
              (await into((destination) => gcm.openInto(sealed, destination, { nonce, aad }), 42))[0],
              facts(gcm),
            ];
          },
          async managed(device) {
            const gcm = await device.aead("aes-gcm", key, { managedNonce: true });
            const sealed = await gcm.seal(pattern(30), { aad });
            const memory = new Uint8Array(58);
            const written = await gcm.sealInto(pattern(30), memory);
            const [size, plaintext] = await into((destination) => gcm.openInto(sealed, destination, { aad }), 46);
            return [
              sealed.length, await gcm.open(sealed, { aad }), written, await gcm.open(memory), size, plaintext.slice(0, size), facts(gcm),
            ];
          },
          async ccm(device) {
            const ccm = await device.aead("aes-ccm", key);
            return [await ccm.seal(pattern(3), { nonce: pattern(7) }), facts(ccm)];
          },
          async cipherWithMac(device) {
            const session = await device.cipherWithMac({ cipher: "aes-cbc", mac: "hmac-sha1", ...keys });
            const { ciphertext, mac } = await session.encrypt(pattern(48), { iv });
            const computed = new Uint8Array(20);
            const plain = await device.cipherWithMac({ cipher: "aes-ecb", key, mac: "sha1" });
            return [
              ciphertext, mac, await session.decrypt(ciphertext, { mac, iv }),
              await into((destination) => session.encryptInto(pattern(48), destination, { mac: computed, iv }), 48), computed,
              await into((destination) => session.decryptInto(ciphertext, destination, { mac, iv }), 48),
              await plain.encrypt(pattern(16)), facts(session), facts(plain),
            ];
          },
          async tls(device) {
            const tls = await device.tls({ cipher: "aes-128-cbc", mac: "sha1", ...keys });
            const message = { header: pattern(13), iv };
            const record = await tls.seal(pattern(30), message);
            const [written, memory] = await into((destination) => tls.sealInto(pattern(30), destination, message), 66);
            const [size, opened] = await into((destination) => tls.openInto(record, destination, message), 64);
            return [record, await tls.open(record, message), written, memory.slice(0, written), size, opened.slice(0, size), facts(tls)];
          },
          async srtp(device) {
            const srtp = await device.srtp({ cipher: "aes-ctr", mac: "hmac-sha1", tagSize: 10, ...keys });
            const message = { headerSize: 12, iv };
            const sealed = await srtp.seal(pattern(60), message);
            const [size, opened] = await into((destination) => srtp.openInto(sealed, destination, message), 70);
            return [
              sealed, await srtp.open(sealed, message), await into((destination) => srtp.sealInto(pattern(60), destination, message), 70),
              size, opened.slice(0, size), facts(srtp),
            ];
          },
          async device(device) {
            return [
              await device.capabilities(), await device.capabilities({ hardware: "require" }), await device.answers(CIOCAUTHCRYPT),
              await device.answers(CIOCCPHASH), await device.answers(CIOCKEY), device.backend, device.path, device.closed,
            ];
          },
        };
        const [device, blocking] = [await openAsync(options), open(options)];
        const differences = [];
        let count = 0;
        for (const [name, step] of Object.entries(steps)) {
          const [got, expected] = [await step(device), await step(blocking)];
          got.forEach((value, index) => {
            count += 1;
            if (views(value) !== views(expected[index])) differences.push({ name, index, got: views(value), expected: views(expected[index]) });
          });
        }
        await device.close();
        blocking.close();
        say({ differences, count });
      `);
      expect(differences).toEqual([]);
      expect(count).toBeGreaterThan(70);
    });

    test("web streams accept chunks and hashes that do not block", async () => {
      const results = run<Record<string, unknown>>(`
        import { cipherStream, hashStream } from "cryptodev";
        const device = await openAsync(${await options()});
        const aes = await device.cipher("aes-128-cbc", pattern(16));
        const source = () => new Blob([pattern(300_000)]).stream();
        const all = async (stream) => new Uint8Array(await new Response(stream).arrayBuffer());
        const encryptor = cipherStream(await aes.encryptor(pattern(16), { padding: true }));
        const ciphertext = await all(source().pipeThrough(encryptor));
        const decryptor = cipherStream(await aes.decryptor(pattern(16), { padding: true }));
        const plaintext = await all(new Blob([ciphertext]).stream().pipeThrough(decryptor));
        const [sha, hmac] = [await device.hash("sha256"), await device.hmac("sha1", pattern(20))];
        const digests = await Promise.all([sha, hmac].map((hash) => all(source().pipeThrough(hashStream(hash)))));
        const wrong = cipherStream(await aes.decryptor(pattern(16), { padding: true }));
        const failed = await all(new Blob([pattern(31)]).stream().pipeThrough(wrong)).catch((error) => error.name);
        let updates = 0;
        const slow = { update: async (data) => ((updates += 1), data), final: async () => new Uint8Array(0) };
        const writer = cipherStream(slow).writable.getWriter();
        for (let count = 0; count < 10; count += 1) writer.write(pattern(1));
        await new Promise((resolve) => setTimeout(resolve, 50));
        await device.close();
        say({ ciphertext: ciphertext.length, same: hex(plaintext) === hex(pattern(300_000)), digests: digests.map(hex), failed, updates });
      `);
      expect(results).toEqual({
        ciphertext: 300_016,
        same: true,
        digests: [
          createHash("sha256").update(pattern(300_000)).digest("hex"),
          createHmac("sha1", pattern(20)).update(pattern(300_000)).digest("hex"),
        ],
        failed: "RangeError",
        // Nobody reads: without back-pressure it would be ten.
        updates: expect.toSatisfy((count: number) => count <= 1),
      });
    });

    test("a digest that is aborted ends its message", async () => {
      const results = run<string[]>(`
        const device = await openAsync(${await options()});
        const [sha, hmac] = [await device.hash("sha256"), await device.hmac("sha1", pattern(20))];
        const caught = (promise) => promise.then((bytes) => hex(bytes), (error) => error.message ?? String(error));
        const [controller, beforehand] = [new AbortController(), new AbortController()];
        const { signal } = controller;
        beforehand.abort("before");
        const results = [];
        const long = sha.digest(new Uint8Array(4 << 20));
        const update = sha.update(pattern(3));
        const aborted = caught(sha.digest(pattern(3), { signal }));
        const next = caught(sha.digest(pattern(10)));
        controller.abort("aborted");
        results.push(await aborted, await next);
        await long;
        await update;
        await sha.update(pattern(3));
        results.push(await caught(sha.digest(undefined, { signal: beforehand.signal })), await caught(sha.digest(pattern(10))));
        await hmac.update(pattern(3));
        results.push(await caught(hmac.verify(pattern(3), pattern(20), { signal })), await caught(hmac.digest(pattern(10))));
        await device.close();
        say(results);
      `);
      const digest = createHash("sha256").update(pattern(10)).digest("hex");
      const mac = createHmac("sha1", pattern(20)).update(pattern(10)).digest("hex");
      expect(results).toEqual(["aborted", digest, "before", digest, "aborted", mac]);
    });
  });

  test.runIf(canServe)("with submit, names the methods that the driver itself cannot run", async () => {
    served ??= ServedDevice.start(join(servedFolder, "crypto"), ["--async"]);
    const results = run<Record<string, unknown>>(`
      import { Worker } from "node:worker_threads";
      const threads = new Set();
      const { postMessage } = Worker.prototype;
      Worker.prototype.postMessage = function (...args) {
        threads.add(this);
        return postMessage.apply(this, args);
      };
      const device = await openAsync({ backend: "kernel", path: ${JSON.stringify((await served).path)}, submit: true, statistics: true });
      const [aes, sha, hmac] = [
        await device.cipher("aes-cbc", pattern(16)), await device.hash("sha1"), await device.hmac("sha1", pattern(16)),
      ];
      const caught = (promise) => promise.then(() => "done", (error) => error.code + ": " + error.message.split(";")[0]);
      const results = {};
      results.refused = [
        await caught(aes.encryptor(pattern(16))), await caught(aes.decryptor(pattern(16))),
        await caught(sha.update(pattern(1))), await caught(sha.copy()), await caught(hmac.copy(pattern(16))),
      ];
      const ciphertext = new Uint8Array(16);
      results.into = await aes.encryptInto(pattern(16), ciphertext, pattern(16));
      results.plaintext = hex(await aes.decrypt(ciphertext, pattern(16))) === hex(pattern(16));
      results.digest = await sha.digestInto(new Uint8Array(20));
      results.verified = await hmac.verify(pattern(3), await hmac.digest(pattern(3)));
      results.facts = [aes.blockSize, aes.ivSize, sha.digestSize, hmac.name, (await aes.info()).cipher.name, aes.statistics.bytes];
      results.capabilities = (await device.capabilities()).length > 20;
      results.threads = threads.size;
      results.tag = (await (await device.aead("aes-gcm", pattern(16))).seal(pattern(3), { nonce: pattern(12) })).length;
      results.started = threads.size;
      await device.close();
      results.software = await openAsync({ backend: "software", submit: true }).then(async (device) => {
        const sha = await device.hash("sha1");
        await sha.update(pattern(3));
        const { length } = await sha.digest();
        await device.close();
        return length;
      });
      say(results);
    `);
    const refused = (method: string) =>
      `function: ${method}: a driver runs only whole messages of ciphers and hashes by itself`;
    expect(results).toEqual({
      refused: ["encryptor()", "decryptor()", "update() of sha1", "copy()", "copy()"].map(refused),
      into: 16,
      plaintext: true,
      digest: 20,
      verified: true,
      facts: [16, 16, 20, "hmac-sha1", "cbc(aes)", 32],
      capabilities: true,
      threads: 0,
      tag: 19,
      started: 1,
      software: 20,
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
      const opening = { workers: 300, chunkSize: 17, hardware: "require", submit: 1 };
      const device = await polluted(opening, () => openAsync({ backend: "software", inline: false }));
      const sealed = await polluted({ tagSize: 4, signal: 1, detached: true, managedNonce: true, aad: 5 }, async () => {
        const gcm = await device.aead("aes-gcm", pattern(16), {});
        return gcm.seal(pattern(5), { nonce: pattern(12) });
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

  test("leaves a message as it is if its digest was not sent to its thread", () => {
    const results = run<string[]>(`
      const device = await openAsync({ backend: "software" });
      const sha = await device.hash("sha256");
      const results = [];
      const signal = { aborted: false, removeEventListener() {}, addEventListener() { throw new Error("no listeners"); } };
      for (const size of [10, 10_000]) {
        await sha.update(pattern(100));
        await sha.digest(pattern(5000), { signal }).catch(({ message }) => results.push(message));
        results.push(hex(await sha.digest(pattern(size))), hex(await sha.digest(pattern(size))));
      }
      await device.close();
      say(results);
    `);
    const digest = (...parts: Uint8Array[]) =>
      parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest("hex");
    expect(results).toEqual(
      [10, 10_000].flatMap((size) => ["no listeners", digest(pattern(100), pattern(size)), digest(pattern(size))]),
    );
  });

  test("returns a device whose close() accepts no more operations, and resolves under load", () => {
    const result = run<{ accepted: number; errors: string[] }>(`
      const device = await openAsync({ backend: "software", workers: 1 });
      const aes = await device.cipher("aes-128-cbc", pattern(16));
      let [isClosing, accepted] = [false, 0];
      const load = async () => {
        for (;;) {
          const running = aes.encrypt(new Uint8Array(100_000 - (100_000 % 16)), pattern(16));
          const wasClosing = isClosing;
          await running;
          if (wasClosing) accepted += 1;
        }
      };
      const errors = [1, 2, 3].map(() => load().catch(String));
      await new Promise((resolve) => setTimeout(resolve, 100));
      isClosing = true;
      const closing = device.close();
      errors.push(aes.encrypt(pattern(16), pattern(16)).catch(String), device.hash("sha1").catch(String));
      await closing;
      say({ accepted, errors: await Promise.all(errors) });
    `);
    expect(result.accepted).toBe(0);
    for (const error of result.errors) expect(error).toMatch(/^ClosedError: .*the device was closed$/);
    expect(result.errors).toHaveLength(5);
  });

  test("does not take a member of Object.prototype for one of its messages", () => {
    const results = run<string[]>(`
      const device = await openAsync({ backend: "software", inline: false });
      const aes = await device.cipher("aes-128-cbc", pattern(16));
      const results = [];
      for (const name of ["failure", "statistics", "result"]) {
        Object.prototype[name] = 1;
        try {
          results.push(hex(await aes.encrypt(pattern(16), pattern(16))), String(aes.statistics));
        } finally {
          delete Object.prototype[name];
        }
      }
      await device.close();
      say(results);
    `);
    const cipher = createCipheriv("aes-128-cbc", pattern(16), pattern(16));
    const expected = cipher.update(pattern(16)).toString("hex");
    expect(results).toEqual([expected, "undefined", expected, "undefined", expected, "undefined"]);
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
