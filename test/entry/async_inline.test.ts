import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { runForJson } from "../child.ts";

/* Small operations of openAsync(), which are done in the thread of the program. */

const prelude = `
  import { Worker } from "node:worker_threads";
  import { openAsync } from "cryptodev";
  const pattern = (size) => Uint8Array.from({ length: size }, (_, index) => index * 7);
  const hex = (bytes) => Buffer.from(bytes).toString("hex");
  const say = (value) => console.log(JSON.stringify(value));
  const posted = [];
  const threads = new Set();
  const { postMessage } = Worker.prototype;
  Worker.prototype.postMessage = function (job, transfer) {
    posted.push(job.method ?? job.kind);
    threads.add(this);
    return postMessage.call(this, job, transfer);
  };
`;
/** Hashes what the programs do. */
const sha1 = (...sizes: readonly number[]) => {
  const hash = createHash("sha1");
  for (const size of sizes) hash.update(Uint8Array.from({ length: size }, (_, index) => index * 7));
  return hash.digest("hex");
};

describe("openAsync()", () => {
  test("processes up to 4096 bytes of a whole message in the thread that calls it, with the result of its own thread", () => {
    const { results, posts } = runForJson<{ results: string[][]; posts: string[][] }>(`${prelude}
      const results = [];
      const posts = [];
      for (const inline of [undefined, false]) {
        const device = await openAsync({ backend: "software", inline });
        const keys = { key: pattern(16), macKey: pattern(20) };
        const aes = await device.cipher("aes-cbc", pattern(16));
        const gcm = await device.aead("aes-gcm", pattern(16));
        const sha = await device.hash("sha1");
        const both = await device.cipherWithMac({ cipher: "aes-cbc", mac: "hmac-sha1", ...keys });
        posted.length = 0;
        const ciphertext = await aes.encrypt(pattern(4096), pattern(16));
        const sealed = await gcm.seal(pattern(4080), { nonce: pattern(12), aad: pattern(20) });
        results.push([
          hex(ciphertext),
          hex(await aes.decrypt(ciphertext, pattern(16))),
          hex(sealed),
          hex(await gcm.open(sealed, { nonce: pattern(12), aad: pattern(20) })),
          hex(await sha.digest(pattern(4096))),
          hex(await sha.digest()),
          JSON.stringify(await both.encrypt(pattern(64), { iv: pattern(16) })),
          await gcm.open(pattern(100), { nonce: pattern(12) }).catch((error) => error.name),
        ]);
        posts.push([...posted]);
        await device.close();
      }
      say({ results, posts });
    `);
    expect(results[0]).toEqual(results[1]);
    expect(results[0]?.[4]).toBe(sha1(4096));
    expect(results[0]?.at(-1)).toBe("AuthenticationError");
    expect(posts).toEqual([[], ["encrypt", "seal", "decrypt", "open", "digest", "digest", "encrypt", "open"]]);
  });

  test("keeps the order of a session: small operations follow larger ones and parts of a message to their thread", () => {
    const { digests, posts } = runForJson<{ digests: string[]; posts: string[] }>(`${prelude}
      const device = await openAsync({ backend: "software" });
      const sha = await device.hash("sha1");
      posted.length = 0;
      const large = sha.digest(pattern(1 << 20));
      const small = sha.digest(pattern(3));
      const order = [];
      await Promise.all([large.then(() => order.push("large")), small.then(() => order.push("small"))]);
      await sha.update(pattern(5));
      const digests = [hex(await small), hex(await sha.digest(pattern(7))), hex(await sha.digest(pattern(9)))];
      say({ digests, posts: [...order, ...posted] });
      await device.close();
    `);
    expect(digests).toEqual([sha1(3), sha1(5, 7), sha1(9)]);
    // The last digest is done inline.
    expect(posts).toEqual(["large", "small", "digest", "digest", "update", "digest"]);
  });

  test("rejects a small operation of a session that was closed, of a device that was closed, and of a lost thread", () => {
    const outcomes = runForJson<string[]>(`${prelude}
      const device = await openAsync({ backend: "software", workers: 1 });
      const [sha, other] = [await device.hash("sha1"), await device.hash("sha1")];
      const outcome = (promise) => promise.then(() => "done", ({ name }) => name);
      const outcomes = [await outcome(sha.digest(pattern(3)))];
      await sha.close();
      outcomes.push(await outcome(sha.digest(pattern(3))));
      for (const thread of threads) await thread.terminate();
      outcomes.push(await outcome(other.digest(pattern(3))));
      const last = await device.hash("sha1");
      await device.close();
      outcomes.push(await outcome(last.digest(pattern(3))));
      say(outcomes);
    `);
    expect(outcomes).toEqual(["done", "ClosedError", "ClosedError", "ClosedError"]);
  });

  test("counts every operation of a session, so that nothing is done inline with statistics", () => {
    const operations = runForJson<number[]>(`${prelude}
      const device = await openAsync({ backend: "software", statistics: true });
      const sha = await device.hash("sha1");
      posted.length = 0;
      await sha.digest(pattern(3));
      await sha.digest(pattern(10000));
      const { operations } = sha.statistics;
      await device.close();
      say([operations, posted.filter((name) => name === "digest").length]);
    `);
    expect(operations).toEqual([2, 2]);
  });

  test("rejects a small operation whose signal was aborted before", () => {
    const reason = runForJson<string>(`${prelude}
      const device = await openAsync({ backend: "software" });
      const sha = await device.hash("sha1");
      const reason = await sha.digest(pattern(3), { signal: AbortSignal.abort("too late") }).catch((why) => why);
      await device.close();
      say(reason);
    `);
    expect(reason).toBe("too late");
  });
});
