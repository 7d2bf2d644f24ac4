import { type CrashRule, crashRules, KernelCrashError, SoftwareHost } from "@cryptodev/soft";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";
import { type Reached, type Way, ways } from "../software.ts";
import { Replay } from "./replay.ts";

/* Every call that crashes a kernel: one that breaks the rule, and the nearest one that does not. */

const key = toHex(pattern(16, 5));
const iv = toHex(pattern(16, 1));
const gcmIv = toHex(pattern(12, 1));
const mackey = toHex(pattern(20, 9));
const unmapped = 8;

let run: Replay;
let reached: Reached;
async function open({ reach }: Way): Promise<void> {
  reached = await reach({ async: true });
  run = new Replay(reached.host, reached.path);
}
const send = (ioctl: string, input: Record<string, unknown>) => run.send({ ioctl, in: input, ret: 0, as: "s" });

interface CrashCase {
  readonly rule: CrashRule;
  readonly what: string;
  /** The calls that precede it, which start the session. */
  readonly before: readonly (readonly [string, Record<string, unknown>])[];
  readonly crash: readonly [string, Record<string, unknown>];
  /** The changes that make it valid, and the error of that call. */
  readonly fine: Record<string, unknown>;
  readonly answer?: string;
}

const cbc = ["CIOCGSESSION", { cipher: 11, key }] as const;
const gcm = ["CIOCGSESSION", { cipher: 50, key }] as const;
const ccm = ["CIOCGSESSION", { cipher: 51, key }] as const;
const sha1 = ["CIOCGSESSION", { mac: 14 }] as const;
const crypt = (input: Record<string, unknown>) => ["CIOCCRYPT", { ses: "s", iv, ...input }] as const;
const auth = (input: Record<string, unknown>) => ["CIOCAUTHCRYPT", { ses: "s", iv: gcmIv, ...input }] as const;
const data = { count: 16 };
const record = ["CIOCGSESSION", { cipher: 21, key, mac: 7, mackey }] as const;
const srtp = { flags: 32, region: { count: 60 }, authOff: 0, srcOff: 12, len: 48, tag: 21, iv };

const crashCases: readonly CrashCase[] = [
  {
    rule: "src-null",
    what: "a cipher without src",
    before: [cbc],
    crash: crypt({ len: 16, dst: 16 }),
    fine: { len: 0 },
  },
  {
    rule: "src-null",
    what: "a hash without src",
    before: [sha1],
    crash: crypt({ len: 16, mac: 20 }),
    fine: { len: 0 },
  },
  {
    rule: "src-null",
    what: "an AEAD without src",
    before: [gcm],
    crash: auth({ len: 16, dst: 32 }),
    fine: { len: 0, auth: "00" },
  },
  {
    rule: "src-null",
    what: "a cipher without src, but with NO_ZC",
    before: [cbc],
    crash: crypt({ len: 16, dst: 16 }),
    fine: { flags: 8 },
    answer: "EFAULT",
  },
  { rule: "dst-null", what: "a cipher without dst", before: [cbc], crash: crypt({ src: data }), fine: { dst: "src" } },
  { rule: "dst-null", what: "an AEAD without dst", before: [gcm], crash: auth({ src: data }), fine: { dst: 32 } },
  {
    rule: "dst-unmapped",
    what: "a cipher's dst is not mapped",
    before: [cbc],
    crash: crypt({ src: data, dstPtr: unmapped }),
    fine: { flags: 8 },
    answer: "EFAULT",
  },
  {
    rule: "dst-unmapped",
    what: "an AEAD's dst is not mapped",
    before: [gcm],
    crash: auth({ src: data, dstPtr: unmapped }),
    fine: { dstPtr: undefined, dst: 32 },
  },
  {
    rule: "dst-short",
    what: "a cipher's dst is too short",
    before: [cbc],
    crash: crypt({ src: { count: 32 }, dst: 31 }),
    fine: { dst: 32 },
  },
  {
    rule: "dst-short",
    what: "an AEAD's dst without room for the tag",
    before: [gcm],
    crash: auth({ src: data, dst: 31 }),
    fine: { dst: 32 },
  },
  {
    rule: "auth-null",
    what: "aad without a pointer",
    before: [gcm],
    crash: auth({ src: data, dst: 32, authLen: 4 }),
    fine: { authLen: 0 },
  },
  {
    rule: "tag-size",
    what: "a GCM tag of 5 bytes",
    before: [gcm],
    crash: auth({ src: data, dst: 32, tagLen: 5 }),
    fine: { tagLen: 4 },
  },
  {
    rule: "tag-size",
    what: "a CCM tag of 7 bytes",
    before: [ccm],
    crash: auth({ src: data, dst: 32, tagLen: 7, iv }),
    fine: { tagLen: 8, iv: `01${iv.slice(2)}` },
  },
  {
    rule: "aead-nothing",
    what: "GCM with neither data nor aad",
    before: [gcm],
    crash: auth({ dst: 16 }),
    fine: { src: "" },
  },
  {
    rule: "crypt-on-aead",
    what: "CIOCCRYPT on a GCM session",
    before: [gcm],
    crash: crypt({ src: data, dst: 16 }),
    fine: { src: "", dst: 0 },
  },
  {
    rule: "crypt-on-aead",
    what: "CIOCCRYPT on a CCM session",
    before: [ccm],
    crash: crypt({ src: data, dst: 16 }),
    fine: { op: 2 },
    answer: "EINVAL",
  },
  {
    rule: "tls-without-cipher",
    what: "a TLS record on a hash session",
    before: [sha1],
    crash: auth({ flags: 16, src: data, room: 64, dst: "src" }),
    fine: { op: 1 },
    answer: "EINVAL",
  },
  {
    rule: "tls-without-cipher",
    what: "a TLS record on a hash session with an invalid op, which is checked later",
    before: [sha1],
    crash: auth({ flags: 16, op: 2, src: data, dst: "src" }),
    fine: { flags: 32 },
    answer: "EINVAL",
  },
  {
    rule: "tls-without-cipher",
    what: "a record with the flags of TLS and SRTP on a hash session",
    before: [sha1],
    crash: auth({ flags: 48, src: data, dst: "src" }),
    fine: { dst: 16 },
    answer: "EINVAL",
  },
  {
    rule: "tag-long",
    what: "a tag of a TLS record that is longer than any mac",
    before: [record],
    crash: auth({ flags: 16, iv, src: data, room: 80, dst: "src", tagLen: 65 }),
    fine: { auth: { count: 4097 } },
    answer: "EINVAL",
  },
  {
    rule: "tag-long",
    what: "a tag longer than the mac",
    before: [record],
    crash: auth({ ...srtp, tagLen: 21 }),
    fine: { tagLen: 20 },
  },
  {
    rule: "auth-short",
    what: "a packet that ends before its data",
    before: [record],
    crash: auth({ ...srtp, authLen: 59 }),
    fine: { authLen: 60 },
  },
  {
    rule: "dst-unmapped",
    what: "a hash's dst is not mapped",
    before: [sha1],
    crash: crypt({ src: data, mac: 20, dstPtr: unmapped }),
    fine: { dstPtr: undefined },
  },
  {
    rule: "dst-null",
    what: "a hash decrypts to an unmapped dst",
    before: [sha1],
    crash: crypt({ op: 1, src: data, mac: 20 }),
    fine: { op: 0 },
  },
  {
    rule: "mackey-null",
    what: "a mac key without a pointer",
    before: [],
    crash: ["CIOCGSESSION", { mac: 7, mackeylen: 20 }],
    fine: { mackeylen: 0 },
  },
  {
    rule: "mackey-null",
    what: "a mac key without a pointer for a plain hash, which does not read it",
    before: [],
    crash: ["CIOCGSESSION", { mac: 7, mackeylen: 20 }],
    fine: { mac: 14 },
  },
];

describe.each(ways)(
  "$name: SoftwareDevice.ioctl() refuses a call that would crash a kernel, and answers the nearest valid call:",
  (way) => {
    beforeEach(() => open(way));
    afterEach(() => run.close());
    // Real memory does not end where a view does; the programs in C have pages that do.
    const here = way.isServed ? crashCases.filter(({ rule }) => rule !== "dst-short") : crashCases;

    test.each(here)("$rule: $what", async ({ rule, before, crash: [ioctl, input], fine, answer }) => {
      for (const [name, first] of before) send(name, first);
      expect(await reached.crashOf(() => send(ioctl, input))).toBe(rule);
      const { ret, errno } = send(ioctl, { ...input, ...fine });
      expect(errno ?? ret).toBe(answer ?? 0);
    });

    test("copy-between-algorithms: CIOCCPHASH from MD5 to SHA-512, from SHA-1 to its HMAC", async () => {
      const start = (as: string, input: Record<string, unknown>) =>
        run.send({ ioctl: "CIOCGSESSION", in: input, ret: 0, as });
      start("md5", { mac: 13 });
      start("sha512", { mac: 106 });
      start("sha1", { mac: 14 });
      start("hmac", { mac: 7, mackey });
      start("other", { mac: 7, mackey });
      const copy = (src: string, dst: string) => run.send({ ioctl: "CIOCCPHASH", in: { src, dst }, ret: 0 });
      for (const [src, dst] of [
        ["md5", "sha512"],
        ["sha1", "hmac"],
      ] as const) {
        expect(await reached.crashOf(() => copy(src, dst))).toBe("copy-between-algorithms");
      }
      expect(copy("hmac", "other").ret).toBe(0);
    });
  },
);

describe("KernelCrashError", () => {
  test("has the rule, and a message that contains the call and what is wrong", () => {
    run = new Replay(new SoftwareHost());
    send(...cbc);
    expect(() => send(...crypt({ len: 16, dst: 16 }))).toThrow(
      expect.objectContaining({
        name: "KernelCrashError",
        rule: "src-null",
        message: `CIOCCRYPT: this call crashes a kernel, or corrupts or leaks its memory: ${crashRules["src-null"]}`,
      }),
    );
    run.close();
  });

  test("is thrown by close() while asynchronous operations are outstanding: jobs-abandoned", () => {
    run = new Replay(new SoftwareHost({ async: true }));
    send(...cbc);
    run.send({ ioctl: "CIOCASYNCCRYPT", in: { ses: "s", src: data, dst: 16, iv }, ret: 0 });
    expect(() => run.send({ ioctl: "close", ret: 0 })).toThrow(expect.objectContaining({ rule: "jobs-abandoned" }));
  });

  test("has a test here for each of the crashRules", () => {
    const tested = new Set<string>([
      ...crashCases.map(({ rule }) => rule),
      "copy-between-algorithms",
      "jobs-abandoned",
    ]);
    expect([...tested].sort()).toEqual(Object.keys(crashRules).sort());
    expect(new KernelCrashError("src-null", "CIOCCRYPT")).toBeInstanceOf(Error);
  });
});
