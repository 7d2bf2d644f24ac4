import { createCipheriv, createHash, createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";
import { runForJson, runProgram } from "../child.ts";
import { runtimeName } from "../runtime.ts";

/*
 * These run as programs of their own: a worker is started by the runtime itself, with its own resolution of imports.
 */

const prelude = `
  import { openAsync } from "cryptodev";
  const pattern = (count, seed = 3) => Uint8Array.from({ length: count }, (_, index) => index * 7 + seed);
  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const say = (value) => console.log(JSON.stringify(value));
`;
const run = <T>(code: string) => runForJson<T>(prelude + code);

describe("openAsync()", () => {
  test("encrypts, hashes and seals as the blocking API does", () => {
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

  test("does the operations of a session in the order of their calls, on memory as it was then", () => {
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

  test("rejects with the error that the blocking API throws, of the same class", () => {
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
        message: expect.stringMatching(/^key for hmac-sha1: expected a Uint8Array, got an ArrayBuffer; wrap it/),
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
    test("says which permission it lacks", () => {
      const { message } = runForJson<{ message: string }>(
        `${prelude} await openAsync({ backend: "software" }).catch(({ message }) => say({ message }));`,
        { permissions: ["--allow-env=NO_SUCH_VARIABLE"] },
      );
      expect(message).toBe(
        "a worker thread cannot be started here; in Deno, allow the package to read its own files: --allow-read",
      );
    });
  }

  test("an AbortSignal rejects at once, and what was not begun is not done", () => {
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

  test("close() ends when the answer to what was aborted comes meanwhile", () => {
    const { closed } = run<{ closed: boolean }>(`
      const device = await openAsync({ backend: "software" });
      const sha = await device.hash("sha256");
      const controller = new AbortController();
      const digest = sha.digest(pattern(10), { signal: controller.signal }).catch(() => {});
      // The thread answers, and this one does not look.
      for (const end = performance.now() + 200; performance.now() < end; );
      controller.abort();
      await digest;
      await device.close();
      say({ closed: true });
    `);
    expect(closed).toBe(true);
  });

  test("close() waits for what is in flight", () => {
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

  test("a process that forgets to close ends all the same, once its results are there", () => {
    const { status, stdout } = runProgram(`${prelude}
      const device = await openAsync({ backend: "software" });
      const sha = await device.hash("sha256");
      sha.digest(new Uint8Array(16 << 20)).then((digest) => console.log(digest.length));
    `);
    expect([status, stdout.trim()]).toEqual([0, "32"]);
  });
});
