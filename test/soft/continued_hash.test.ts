import { createCipheriv, createHash, createHmac } from "node:crypto";
import { SoftwareHost } from "@cryptodev/soft";
import { afterEach, describe, expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";
import { ways } from "../software.ts";
import { Replay } from "./replay.ts";

/*
 * The state of a hash whose digest was returned, and which is not reset: the driver continues it, and returns 0 with a
 * meaningless digest. All other results of the call are right.
 */

const key = toHex(pattern(16, 5));
const mackey = toHex(pattern(20, 9));
const iv = toHex(pattern(16, 1));
const data = { count: 64 };
const ciphertext = createCipheriv("aes-128-cbc", pattern(16, 5), pattern(16, 1)).update(pattern(64)).toString("hex");
const sha1 = createHash("sha1").update(pattern(64)).digest("hex");
const hmac = createHmac("sha1", pattern(20, 9)).update(pattern(64)).digest("hex");

const [UPDATE, FINAL, WRITE_IV, NO_ZC, RESET] = [1, 2, 4, 8, 64];

let run: Replay;
afterEach(() => run.close());
const send = (input: Record<string, unknown>) => run.send({ ioctl: "CIOCCRYPT", in: { ses: "s", ...input }, ret: 0 });
const start = (input: Record<string, unknown>, as = "s") => run.send({ ioctl: "CIOCGSESSION", in: input, ret: 0, as });

describe.each(ways)("$name: a hash that continues after its digest", ({ reach }) => {
  async function open(): Promise<void> {
    const { host, path } = await reach({ async: true });
    run = new Replay(host, path);
  }

  test.each([
    ["WRITE_IV", WRITE_IV],
    ["NO_ZC", NO_ZC],
    ["WRITE_IV and NO_ZC", WRITE_IV | NO_ZC],
    ["an unknown flag", 0x80],
    ["FINAL", FINAL],
    ["UPDATE and FINAL", UPDATE | FINAL],
  ])("returns the right ciphertext and iv, but never the right digest, with %s", async (_name, flags) => {
    await open();
    start({ cipher: 11, key, mac: 7, mackey });
    const encrypt = () => send({ src: data, dst: 64, mac: 20, iv, flags });
    const nextIv = (flags & WRITE_IV) === 0 ? iv : ciphertext.slice(-32);
    expect(encrypt()).toMatchObject({ ret: 0, out: { dst: ciphertext, mac: hmac, iv: nextIv } });
    for (let round = 0; round < 2; round += 1) {
      const { ret, out } = encrypt();
      expect({ ret, dst: out?.dst, iv: out?.iv }).toEqual({ ret: 0, dst: ciphertext, iv: nextIv });
      expect(out?.mac).toMatch(/^[0-9a-f]{40}$/);
      expect(out?.mac).not.toBe(hmac);
    }
    expect(send({ src: data, dst: 64, mac: 20, iv, flags: flags | RESET })).toMatchObject({
      ret: 0,
      out: { mac: hmac },
    });
  });

  test("does not return the right digest of data in pieces until it is reset", async () => {
    await open();
    start({ mac: 14 });
    expect(send({ src: data, mac: 20 }).out?.mac).toBe(sha1);
    expect(send({ src: data, flags: UPDATE }).ret).toBe(0);
    const { ret, out } = send({ len: 0, mac: 20, flags: FINAL });
    expect(ret).toBe(0);
    expect(out?.mac).not.toBe(sha1);
    expect(send({ src: data, flags: UPDATE | RESET }).ret).toBe(0);
    expect(send({ len: 0, mac: 20, flags: FINAL }).out?.mac).toBe(sha1);
  });

  test("has ended even if its digest could not be written", async () => {
    await open();
    start({ mac: 14 });
    expect(send({ src: data }).errno).toBe("EFAULT");
    expect(send({ src: data, mac: 20, flags: NO_ZC }).out?.mac).not.toBe(sha1);
    expect(send({ src: data, mac: 20 }).out?.mac).toBe(sha1);
  });

  test("has a wrong digest in a copy by CIOCCPHASH as well", async () => {
    await open();
    start({ mac: 14 });
    start({ mac: 14 }, "copy");
    send({ src: data, mac: 20 });
    const copy = () => run.send({ ioctl: "CIOCCPHASH", in: { src: "s", dst: "copy" }, ret: 0 }).ret;
    const final = () => send({ ses: "copy", src: data, mac: 20, flags: FINAL });
    expect(copy()).toBe(0);
    expect(final()).toMatchObject({ ret: 0, out: { mac: expect.not.stringContaining(sha1) } });
    send({ src: data, flags: UPDATE });
    expect(copy()).toBe(0);
    expect(final()).toMatchObject({ ret: 0, out: { mac: expect.not.stringContaining(sha1) } });
  });

  test("returns a wrong digest from CIOCASYNCFETCH as well", async () => {
    await open();
    start({ mac: 14 });
    const input = { ses: "s", src: data, mac: 20, flags: FINAL };
    const digests = [0, 1].map(() => {
      expect(run.send({ ioctl: "CIOCASYNCCRYPT", in: input, ret: 0 }).ret).toBe(0);
      return run.send({ ioctl: "CIOCASYNCFETCH", ret: 0 }).out?.mac;
    });
    expect(digests).toEqual([sha1, expect.not.stringContaining(sha1)]);
  });
});

test("SoftwareDevice logs a meaningless digest, and only that, from verbosity 1 on", () => {
  const lines: string[] = [];
  const host = new SoftwareHost({ verbosity: 1, log: (line) => lines.push(line) });
  run = new Replay(host);
  start({ mac: 14 });
  const digest = (flags: number) => send({ src: data, mac: 20, flags });
  digest(0);
  digest(NO_ZC | RESET);
  expect(lines).toEqual([]);
  digest(NO_ZC);
  host.device.verbosity = 0;
  digest(NO_ZC);
  expect(lines).toEqual([
    "cryptodev: CIOCCRYPT: the digest is meaningless: it continues a finished state, without COP_FLAG_RESET",
  ]);
});
