import { readdirSync } from "node:fs";
import process from "node:process";
import { Call, CIOCCRYPT, errnos, O_RDWR } from "@cryptodev/core";
import { describe, expect, test } from "vitest";
import { backends } from "../backends.ts";
import { pattern, toHex } from "../bytes.ts";
import { collectGarbage, collectUntil, realHost } from "../runtime.ts";

/*
 * Long runs, in which memory must not grow and no byte may be wrong. The suite runs a short form; `npm run soak` runs
 * the full one.
 */

const isFull = process.env.SOAK === "full";
const SESSIONS = isFull ? 200_000 : 4_000;
const OPERATIONS = isFull ? 1_000_000 : 20_000;
/** How many bytes a process may grow by for other reasons: caches, code, a heap that is not yet full. */
const ALLOWANCE = 96 * 2 ** 20;

const memory = () => {
  for (let round = 0; round < 5; round += 1) collectGarbage();
  return process.memoryUsage().rss;
};

/** Runs rounds, collecting garbage now and then, and expects the second half to need no more memory than the first. */
async function steadily(rounds: number, run: (round: number) => void): Promise<void> {
  let halfway = 0;
  for (let round = 0; round < rounds; round += 1) {
    run(round);
    if (round % 2000 === 0) {
      collectGarbage();
      // Finalizers and deferred releases run only between tasks.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    if (round === rounds >> 1) halfway = memory();
  }
  expect(memory() - halfway).toBeLessThan(ALLOWANCE);
}

describe.each(backends)("on the $name", (backend) => {
  const timeout = isFull ? 3_600_000 : 120_000;

  test(`${SESSIONS} sessions are started, used and ended in constant memory`, { timeout }, async () => {
    const device = backend.open();
    const [key, iv, data] = [pattern(16), pattern(16, 3), pattern(32)];
    const expected = toHex(device.cipher("aes-cbc", key).encrypt(data, iv));
    const digest = toHex(device.hmac("sha1", key).digest(data));
    await steadily(SESSIONS / 2, (round) => {
      const aes = device.cipher("aes-cbc", key);
      const hmac = device.hmac("sha1", key);
      const [ciphertext, mac] = [aes.encrypt(data, iv), hmac.digest(data)];
      if (round % 97 === 0) expect([toHex(ciphertext), toHex(mac)]).toEqual([expected, digest]);
      aes.close();
      hmac.close();
    });
    device.close();
  });

  test(`${OPERATIONS} operations on reused and on fresh memory return the right bytes in constant memory`, {
    timeout,
  }, async () => {
    const device = backend.open();
    const [aes, gcm, sha] = [
      device.cipher("aes-cbc", pattern(16)),
      device.aead("aes-gcm", pattern(16)),
      device.hash("sha256"),
    ];
    const [iv, nonce, source, destination] = [pattern(16, 3), pattern(12, 3), pattern(64), new Uint8Array(64)];
    const ciphertext = aes.encrypt(source, iv);
    const sealed = gcm.seal(source, { nonce });
    const digest = sha.digest(source);
    const equal = (one: Uint8Array, other: Uint8Array) =>
      one.length === other.length && one.every((byte, at) => byte === other[at]);
    let wrong = 0;
    await steadily(OPERATIONS / 4, () => {
      aes.encryptInto(source, destination, iv);
      if (!equal(destination, ciphertext)) wrong += 1;
      if (!equal(aes.decrypt(ciphertext.slice(), iv.slice()), source)) wrong += 1;
      if (!equal(gcm.open(sealed.slice(), { nonce }), source)) wrong += 1;
      if (!equal(sha.digest(source.slice()), digest)) wrong += 1;
    });
    expect(wrong).toBe(0);
    device.close();
  });
});

test("Host.close() closes every descriptor", async () => {
  const host = await realHost();
  const open = () => readdirSync("/proc/self/fd").length;
  const before = open();
  for (let round = 0; round < SESSIONS; round += 1) {
    const fd = host.open("/dev/null", O_RDWR);
    const call = new Call(host, CIOCCRYPT);
    if (host.ioctl(fd, call.request, call) !== -errnos.ENOTTY || host.close(fd) !== 0)
      throw new Error(`round ${round}`);
  }
  await collectUntil(() => open() <= before, 5);
  expect(open()).toBeLessThanOrEqual(before + 2);
});
