import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";
import { type Reached, ways } from "../software.ts";
import { Replay } from "./replay.ts";

/* The driver, built with ENABLE_ASYNC. */

const POLLIN = 1;
const POLLOUT = 4;
const key = toHex(pattern(16, 5));
const iv = toHex(pattern(16, 1));

let reached: Reached;
let run: Replay;
const submit = (input: Record<string, unknown> = {}) =>
  run.send({ ioctl: "CIOCASYNCCRYPT", in: { ses: "s", src: { count: 32 }, dst: 32, mac: 20, iv, ...input }, ret: 0 });
const fetch = () => run.send({ ioctl: "CIOCASYNCFETCH", ret: 0 });
const ready = () => run.poll(POLLIN | POLLOUT);

describe.each(ways)("$name:", ({ reach }) => {
  beforeEach(async () => {
    reached = await reach({ async: true, alignmask: 15 });
    run = new Replay(reached.host, reached.path);
    run.send({ ioctl: "CIOCGSESSION", in: { cipher: 11, key, mac: 14 }, ret: 0, as: "s" });
  });
  afterEach(() => {
    while (fetch().errno !== "EBUSY");
    run.close();
  });
  test("poll() reports whether an operation can be fetched, and whether one more can be submitted", () => {
    expect(ready()).toBe(POLLOUT);
    submit();
    expect(ready()).toBe(POLLIN | POLLOUT);
    for (let count = 1; count < 64; count += 1) expect(submit().ret).toBe(0);
    expect(ready()).toBe(POLLIN);
    expect(submit()).toEqual({ ret: -1, errno: "EBUSY" });
    expect(fetch().ret).toBe(0);
    expect(ready()).toBe(POLLIN | POLLOUT);
    for (let count = 1; count < 64; count += 1) expect(fetch().ret).toBe(0);
    expect(fetch()).toEqual({ ret: -1, errno: "EBUSY" });
    expect(ready()).toBe(POLLOUT);
  });

  test("CIOCASYNCCRYPT itself reports a call that would crash a kernel, and nothing can be fetched", async () => {
    expect(await reached.crashOf(() => submit({ src: undefined, len: 32 }))).toBe("src-null");
    expect(fetch()).toEqual({ ret: -1, errno: "EBUSY" });
  });

  test("CIOCASYNCFETCH checks its argument only if an operation can be fetched", () => {
    const withNull = () => run.send({ ioctl: "NULLARG", of: "CIOCASYNCFETCH", ret: 0 });
    expect(withNull()).toEqual({ ret: -1, errno: "EBUSY" });
    submit();
    expect(withNull()).toEqual({ ret: -1, errno: "EFAULT" });
  });

  test("CIOCASYNCFETCH returns results in the order of submission, and writes mac and iv", () => {
    const sync = (input: object) =>
      run.send({ ioctl: "CIOCCRYPT", in: { ses: "s", src: { count: 32 }, dst: 32, mac: 20, iv, ...input }, ret: 0 })
        .out;
    const [first, second] = [sync({ flags: 4 | 64 }), sync({ src: { count: 64 }, dst: 64 })];
    submit({ flags: 4 | 64 });
    submit({ src: { count: 64 }, dst: 64 });
    expect(fetch().out).toEqual(first);
    expect(fetch().out).toEqual(second);
  });

  test("CIOCASYNCCRYPT refuses an unknown session, an unreadable iv and NO_ZC; any other error is returned by the fetch", () => {
    expect(submit({ ses: 7 })).toEqual({ ret: -1, errno: "EINVAL" });
    expect(submit({ flags: 8 })).toEqual({ ret: -1, errno: "EINVAL" });
    expect(submit({ iv: undefined, ivPtr: 8 })).toEqual({ ret: -1, errno: "EFAULT" });
    // The iv is read before anything else is checked.
    expect(submit({ iv: undefined, ivPtr: 8, flags: 8 })).toEqual({ ret: -1, errno: "EFAULT" });
    for (const [input, errno] of [
      [{ src: { count: 17 } }, "EINVAL"],
      [{ op: 2 }, "EINVAL"],
      [{ src: undefined, srcPtr: 16, len: 16 }, "EFAULT"],
      [{ mac: undefined }, "EFAULT"],
      [{ misalign: 1 }, "EFAULT"],
    ] as const) {
      expect(submit(input)).toEqual({ ret: 0 });
      expect(fetch(), JSON.stringify(input)).toEqual({ ret: -1, errno });
    }
  });
});
