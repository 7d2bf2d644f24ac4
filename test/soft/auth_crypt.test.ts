import { createCipheriv, createHmac } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fromHex, pattern, toHex } from "../bytes.ts";
import { ways } from "../software.ts";
import { vectors } from "../vectors/aeads.ts";
import { Replay } from "./replay.ts";

/** The kernel's form of an iv. For CCM: the size of the length field, less one, then the nonce, then the counter. */
const ivOf = (id: number, nonce: string): string =>
  id === 51 ? `${(14 - nonce.length / 2).toString(16).padStart(2, "0")}${nonce}`.padEnd(32, "0") : nonce;

let run: Replay;
const send = (ioctl: string, input: Record<string, unknown>, as?: string) =>
  run.send({ ioctl, in: input, ret: 0, ...(as === undefined ? {} : { as }) });
const auth = (input: Record<string, unknown>) => send("CIOCAUTHCRYPT", { ses: "s", ...input });

describe.each(ways)("$name:", (way) => {
  beforeEach(async () => {
    const { host, path } = await way.reach();
    run = new Replay(host, path);
  });
  afterEach(() => run.close());

  describe("CIOCAUTHCRYPT on the session of an AEAD", () => {
    test.each(vectors)("returns the known answer of $source", ({ id, key, nonce, aad, plaintext, ciphertext, tag }) => {
      expect(send("CIOCGSESSION", { cipher: id, key }, "s").ret).toBe(0);
      const common = { iv: ivOf(id, nonce), tagLen: tag.length / 2, ...(aad === "" ? {} : { auth: aad }) };
      const sealed = auth({ ...common, src: plaintext, dst: (plaintext.length + tag.length) / 2 });
      expect(sealed).toMatchObject({
        ret: 0,
        out: { dst: ciphertext + tag, len: (ciphertext.length + tag.length) / 2 },
      });

      const opened = auth({ ...common, op: 1, src: ciphertext + tag, dst: (ciphertext.length + tag.length) / 2 });
      expect(opened).toMatchObject({ ret: 0, out: { len: plaintext.length / 2, tagLen: tag.length / 2 } });
      expect(String(opened.out?.dst).slice(0, plaintext.length)).toBe(plaintext);

      for (const [at, forged] of [
        [0, "aad"],
        [plaintext.length, "tag"],
      ] as const) {
        const bytes = fromHex(ciphertext + tag);
        bytes[at / 2] = (bytes[at / 2] as number) ^ 1;
        expect(auth({ ...common, op: 1, src: toHex(bytes), dst: bytes.length }), forged).toMatchObject({
          ret: -1,
          errno: "EBADMSG",
        });
      }
    });

    test("returns the known answer of GCM test case 1: no data, but an address", () => {
      send("CIOCGSESSION", { cipher: 50, key: "00".repeat(16) }, "s");
      const { out } = auth({ src: "", dst: 16, iv: "00".repeat(12) });
      expect(out?.dst).toBe("58e2fccefa7e3061367f1d57a4e7455a");
    });

    test("accepts a smaller tag size, and refuses a larger one after it", () => {
      send("CIOCGSESSION", { cipher: 50, key: "00".repeat(16) }, "s");
      const seal = (tagLen: number) => auth({ src: "00", dst: 17, iv: "00".repeat(12), tagLen });
      expect([16, 12, 0, 4].map((size) => seal(size).out?.tagLen)).toEqual([16, 12, 12, 4]);
      expect(seal(12)).toMatchObject({ ret: -1, errno: "EINVAL" });
      expect(seal(0).out?.len).toBe(5);
    });

    test("does not change the tag size if it refuses the operation before it checks the tag", () => {
      send("CIOCGSESSION", { cipher: 50, key: "00".repeat(16) }, "s");
      const seal = (more: object) => auth({ src: "00", dst: 17, iv: "00".repeat(12), ...more });
      expect(seal({ tagLen: 12, auth: { count: 4097 } })).toMatchObject({ errno: "EINVAL" });
      expect(seal({ tagLen: 5, auth: { count: 4097 } })).toMatchObject({ errno: "EINVAL" });
      expect(seal({ tagLen: 16 })).toMatchObject({ ret: 0, out: { tagLen: 16 } });
    });

    test("keeps the iv of an operation without data for the next operation", () => {
      const [key, iv] = [toHex(pattern(16)), toHex(pattern(12))];
      send("CIOCGSESSION", { cipher: 50, key }, "s");
      const { out } = auth({ src: "00", dst: 17, iv });
      send("CIOCGSESSION", { cipher: 50, key }, "s");
      send("CIOCCRYPT", { ses: "s", src: "", dst: 0, iv });
      expect(auth({ src: "00", dst: 17 }).out?.dst).toBe(out?.dst);
    });

    test("returns the iv with WRITE_IV, and ignores other flags", () => {
      send("CIOCGSESSION", { cipher: 50, key: "00".repeat(16) }, "s");
      const iv = toHex(pattern(12));
      for (const flags of [1, 4, 0x8000])
        expect(auth({ flags, src: "00", dst: 17, iv })).toMatchObject({ ret: 0, out: { iv } });
      // The flag of a record requires an operation in place, and has no other effect.
      expect(auth({ flags: 16, src: "00", room: 16, dst: "src", iv })).toMatchObject({ ret: 0, out: { iv } });
      expect(auth({ flags: 16, src: "00", dst: 17, iv })).toMatchObject({ ret: -1, errno: "EINVAL" });
    });

    test("returns the counter of CCM with WRITE_IV: its last value after encrypting, 0 after decrypting", () => {
      send("CIOCGSESSION", { cipher: 51, key: "00".repeat(16) }, "s");
      const [nonce, plaintext] = [toHex(pattern(11)), toHex(pattern(33))];
      const start = `03${nonce}`;
      const sealed = auth({ flags: 4, src: plaintext, dst: 49, iv: `${start}ffffffff` });
      // One block for the tag, and three for the data.
      expect(sealed).toMatchObject({ ret: 0, out: { iv: `${start}00000004` } });
      const opened = auth({ flags: 4, op: 1, src: sealed.out?.dst, dst: 49, iv: `${start}ffffffff` });
      expect(opened).toMatchObject({ ret: 0, out: { iv: `${start}00000000` } });
      // For the next operation, this is the same iv.
      expect(auth({ src: plaintext, dst: 49 }).out?.dst).toBe(sealed.out?.dst);
    });

    test("uses the key that authenc() would read if the session has a mac key", () => {
      const [part, rest] = [toHex(pattern(8)), toHex(pattern(16, 9))];
      const attribute = toHex(new Uint8Array(new Uint16Array([8, 1]).buffer));
      send("CIOCGSESSION", { cipher: 50, key: `${attribute}00000010${part}${rest}` }, "whole");
      expect(send("CIOCGSESSION", { cipher: 50, key: rest, mackey: part }, "parts").ret).toBe(0);
      const seal = (ses: string) => auth({ ses, src: "00", dst: 17, iv: "00".repeat(12) }).out?.dst;
      expect(seal("parts")).toBe(seal("whole"));
      expect(send("CIOCGSESSION", { cipher: 51, key: rest, mackey: "" }, "t").ret).toBe(0);
      expect(send("CIOCGSESSION", { cipher: 51, key: rest, mackey: toHex(pattern(7)) }, "t").errno).toBe("EINVAL");
    });

    test("refuses a tag_len that is too large only if dst has memory for it", async () => {
      send("CIOCGSESSION", { cipher: 50, key: "00".repeat(16) }, "s");
      const seal = (more: object) => auth({ src: "00", iv: "00".repeat(12), ...more });
      expect(seal({ dst: 17, tagLen: 17 })).toMatchObject({ ret: -1, errno: "EINVAL" });
      expect(seal({ room: 9000, dst: "src", tagLen: 9000 })).toMatchObject({ ret: -1, errno: "EINVAL" });
      if (way.isServed) return;
      expect(seal({ dst: "src", tagLen: 9000 })).toMatchObject({ ret: -1, errno: "EINVAL" });
      expect(() => seal({ dst: 17, tagLen: 9000 })).toThrow(expect.objectContaining({ rule: "dst-short" }));
    });

    test("fails with ENOMEM for more pages than the driver can list, before any is accessed", () => {
      const most = 2 ** 17 * 4096;
      const answer = (more: object) => auth({ srcPtr: 4096, dstPtr: 4096, iv: "00".repeat(16), ...more }).errno;
      send("CIOCGSESSION", { cipher: 50, key: "00".repeat(16) }, "s");
      expect([most - 16, most - 15].map((len) => answer({ len }))).toEqual(["EINVAL", "ENOMEM"]);
      expect([most, most + 1].map((len) => answer({ op: 1, len }))).toEqual(["EINVAL", "ENOMEM"]);
      send("CIOCGSESSION", { cipher: 11, key: "00".repeat(16) }, "s");
      expect([most, most + 1].map((len) => answer({ op: 1, flags: 16, len }))).toEqual(["EINVAL", "ENOMEM"]);
    });

    test("returns a pointer to the tag in dst", () => {
      send("CIOCGSESSION", { cipher: 50, key: "00".repeat(16) }, "s");
      expect(auth({ src: "00", dst: 16, iv: "00".repeat(12), tagLen: 12 })).toMatchObject({ ret: 0, out: { len: 13 } });
    });

    test("refuses a CCM iv whose first byte is not 1 to 7, and a message too long for its length field", () => {
      send("CIOCGSESSION", { cipher: 51, key: "00".repeat(16) }, "s");
      const seal = (first: string, count = 16) => auth({ src: { count }, dst: count + 16, iv: first.padEnd(32, "0") });
      for (const first of ["00", "08", "ff"]) expect(seal(first)).toMatchObject({ ret: -1, errno: "EINVAL" });
      expect(seal("01", 65536).ret).toBe(0);
      expect(seal("01", 65537)).toMatchObject({ ret: -1, errno: "EOVERFLOW" });
      expect(seal("02", 65537).ret).toBe(0);
    });

    test("refuses an invalid operation with the error of the driver", () => {
      send("CIOCGSESSION", { cipher: 50, key: "00".repeat(16) }, "s");
      const iv = "00".repeat(12);
      for (const wrong of [{ op: 2 }, { flags: 32 }, { op: 1, src: "00", dst: 1 }, { auth: { count: 4097 } }]) {
        expect(auth({ src: "00", dst: 17, iv, ...wrong }), JSON.stringify(wrong)).toMatchObject({
          ret: -1,
          errno: "EINVAL",
        });
      }
      expect(send("CIOCGSESSION", { cipher: 50, key: "00".repeat(16), mackeylen: 20 }, "t").errno).toBe("EFAULT");
      expect(send("CIOCGSESSION", { cipher: 50, key: "00".repeat(16), mackey: "00" }, "t")).toMatchObject({
        errno: "EINVAL",
      });
      expect(send("CIOCGSESSION", { cipher: 50, key: "00".repeat(16), mac: 9 }, "t")).toMatchObject({
        errno: "EINVAL",
      });
      expect(send("CIOCGSESSION", { cipher: 50, key: "00".repeat(16), mac: 14 }, "t").ret).toBe(0);
    });
  });

  const key = toHex(pattern(16, 5));
  const mackey = toHex(pattern(20, 9));
  const iv = toHex(pattern(16, 1));

  describe("CIOCAUTHCRYPT of a TLS record (RFC 5246, section 6.2.3.2)", () => {
    const header = toHex(pattern(13));
    const start = () => send("CIOCGSESSION", { cipher: 11, key, mac: 7, mackey }, "s");
    const seal = (size: number, more = {}) =>
      auth({ flags: 16, auth: header, src: { count: size }, room: 36, dst: "src", iv, ...more });

    test.each([0, 1, 43, 44, 60, 61, 1000])("encrypts %i bytes of data, their mac and the shortest padding", (size) => {
      start();
      const { out } = seal(size);
      const mac = createHmac("sha1", fromHex(mackey)).update(fromHex(header)).update(pattern(size)).digest("hex");
      const padding = 16 - ((size + 20) % 16);
      const record = toHex(pattern(size)) + mac + (padding - 1).toString(16).padStart(2, "0").repeat(padding);
      const cipher = createCipheriv("aes-128-cbc", fromHex(key), fromHex(iv)).setAutoPadding(false);
      const expected = cipher.update(fromHex(record)).toString("hex");
      expect(out).toMatchObject({ len: expected.length / 2, tagLen: 20 });
      expect(String(out?.dst).slice(0, expected.length)).toBe(expected);

      const opened = auth({ flags: 16, op: 1, auth: header, src: expected, dst: "src", iv });
      expect(opened).toMatchObject({ ret: 0, out: { len: size, tagLen: 20 } });
      expect(String(opened.out?.dst).slice(0, size * 2)).toBe(toHex(pattern(size)));
    });

    test("returns EBADMSG if any byte of the record was changed", () => {
      start();
      const record = fromHex(String(seal(61).out?.dst).slice(0, 192));
      for (let at = 0; at < record.length; at += 7) {
        const forged = record.slice();
        forged[at] = (forged[at] as number) ^ 0x40;
        const answer = auth({ flags: 16, op: 1, auth: header, src: toHex(forged), dst: "src", iv });
        expect(answer, `byte ${at}`).toMatchObject({ ret: -1, errno: "EBADMSG" });
      }
      expect(auth({ flags: 16, op: 1, auth: "00", src: toHex(record), dst: "src", iv })).toMatchObject({
        errno: "EBADMSG",
      });
    });

    test("refuses a record that breaks a rule", () => {
      start();
      const short = { op: 1, src: { count: 17 } };
      // In real memory, what follows the buffer is mapped.
      const narrow = way.isServed ? [] : [{ room: 34 }];
      const broken = [{ dst: 128 }, ...narrow, { auth: { count: 4097 } }, { op: 2 }, short, { op: 1, src: "" }];
      for (const wrong of broken)
        expect(seal(61, wrong), JSON.stringify(wrong)).toMatchObject({ ret: -1, errno: "EINVAL" });
      // A record too short for its tag is refused, whatever else is wrong with it.
      expect(seal(16, { op: 1 })).toMatchObject({ ret: -1, errno: "EINVAL" });
      expect(seal(96, { op: 1, tagLen: 65 })).toMatchObject({ ret: -1, errno: "EINVAL" });
      expect(seal(96, { op: 1, tagLen: 21 })).toMatchObject({ ret: -1, errno: "EBADMSG" });
    });

    test("refuses a record that ends with a partial block, after it has decrypted the whole blocks", () => {
      start();
      const record = String(seal(61).out?.dst).slice(0, 192);
      const open = (size: number) =>
        auth({ flags: 16, op: 1, auth: header, src: record.slice(0, size * 2), dst: "src", iv });
      const left = toHex(pattern(32)) + record.slice(64, 74);
      expect(open(37)).toMatchObject({ ret: -1, errno: "EINVAL", out: { dst: left, len: 37 } });
      expect(open(15)).toMatchObject({ ret: -1, errno: "EINVAL", out: { dst: record.slice(0, 30) } });
      // The next operation continues from the last whole block.
      send("CIOCGSESSION", { cipher: 11, key, mac: 7, mackey }, "s");
      open(37);
      const next = send("CIOCCRYPT", { ses: "s", op: 1, flags: 64, src: record.slice(64, 96), dst: 16, mac: 20 });
      expect(next.out?.dst).toBe(toHex(pattern(48).subarray(32)));
    });

    test.each([
      ["6c1625db4671522d3d7599601de7ca09ed", 17],
      ["9d84c813f719aa2c7be3f66171c7c5c2edbf9dac", 20],
    ])("decrypts a record of XTS that ends with a partial block: IEEE 1619-2018, %s", (ciphertext, size) => {
      const halves = "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0bfbebdbcbbbab9b8b7b6b5b4b3b2b1b0";
      const plaintext = toHex(Uint8Array.from({ length: size }, (_, index) => index));
      const unit = "9a78563412".padEnd(32, "0");
      const open = (src: string) => auth({ flags: 16, op: 1, auth: header, src, dst: "src", iv: unit });
      send("CIOCGSESSION", { cipher: 22, key: halves, mac: 7, mackey }, "s");
      expect(open(ciphertext).out?.dst).toBe(plaintext);
      expect(open(ciphertext.slice(0, 30))).toMatchObject({ errno: "EINVAL", out: { dst: ciphertext.slice(0, 30) } });
      // With a whole block before the one that ciphertext stealing uses.
      const long = send("CIOCCRYPT", { ses: "s", flags: 64, src: { count: 64 }, dst: 64, mac: 20, iv: unit }).out?.dst;
      expect(String(open(String(long).slice(0, 100)).out?.dst).slice(0, 64)).toBe(toHex(pattern(32)));
    });

    test("requires only as much memory as the record is long", () => {
      start();
      expect(seal(61, { room: 35 })).toMatchObject({ ret: 0, out: { len: 96 } });
    });

    test("encrypts data and padding only if the session has no mac, and no padding if its cipher is a stream cipher", () => {
      send("CIOCGSESSION", { cipher: 11, key }, "s");
      expect(seal(61)).toMatchObject({ ret: 0, out: { len: 64, tagLen: 0 } });
      const record = seal(61, { tagLen: 20 });
      expect(record).toMatchObject({ ret: 0, out: { len: 64, tagLen: 20 } });
      const open = (src: string) => auth({ flags: 16, op: 1, src, dst: "src", iv, tagLen: 99 });
      expect(open(String(record.out?.dst).slice(0, 128))).toMatchObject({ ret: 0, out: { len: 61, tagLen: 99 } });
      // Nothing is checked then, not even the padding.
      expect(open("00".repeat(64))).toMatchObject({ ret: 0, out: { len: 64 } });
      send("CIOCGSESSION", { cipher: 24, key, mac: 7, mackey }, "s");
      expect(seal(61)).toMatchObject({ ret: 0, out: { len: 81, tagLen: 20 } });
    });
  });

  describe("CIOCAUTHCRYPT of an SRTP packet (RFC 3711, section 3.3)", () => {
    const start = (cipher = 21) => send("CIOCGSESSION", { cipher, key, mac: 7, mackey }, "s");
    const packet = (more = {}) =>
      auth({ flags: 32, region: { count: 140 }, authOff: 0, srcOff: 12, len: 128, tag: 20, iv, ...more });

    test("encrypts the packet after its header, and the mac covers both", () => {
      start();
      const cipher = createCipheriv("aes-128-ctr", fromHex(key), fromHex(iv));
      const region = toHex(pattern(12)) + cipher.update(pattern(140).subarray(12)).toString("hex");
      const tag = createHmac("sha1", fromHex(mackey)).update(fromHex(region)).digest("hex");
      expect(packet().out).toMatchObject({ dst: region, tag, tagLen: 20, len: 128 });
      expect(packet({ tag: 10, tagLen: 10 }).out).toMatchObject({ tag: tag.slice(0, 20), tagLen: 10 });
      expect(packet({ op: 1, region, tag }).out).toMatchObject({ dst: toHex(pattern(140)) });
      expect(packet({ op: 1, region, tag: tag.slice(0, 20), tagLen: 10 }).ret).toBe(0);
      const forged = packet({ op: 1, region, tag: `00${tag.slice(2)}` });
      expect(forged).toMatchObject({ ret: -1, errno: "EBADMSG", out: { dst: region } });
    });

    test("encrypts the packet even if the tag cannot be written, or only a part of it", () => {
      start();
      const { dst, tag } = packet().out as Record<string, string>;
      // No mac has 65 bytes, and the driver's buffer does not have room for them either.
      for (const wrong of [{ tag: undefined }, { tag: 80, tagLen: 65 }])
        expect(packet(wrong)).toMatchObject({ ret: -1, errno: "EFAULT", out: { dst } });
      if (way.isServed) return;
      expect(packet({ tag: 4 })).toMatchObject({ ret: -1, errno: "EFAULT", out: { dst, tag: tag?.slice(0, 8) } });
    });

    test("refuses a packet that breaks a rule", () => {
      start();
      const broken = [
        { srcOff: 257, region: { count: 400 } },
        { srcOff: 0, authOff: 12 },
        { op: 1, tagLen: 65 },
        { op: 1, len: 10 },
        { op: 2 },
      ];
      for (const wrong of broken)
        expect(packet(wrong), JSON.stringify(wrong)).toMatchObject({ ret: -1, errno: "EINVAL" });
      expect(packet({ srcOff: 256, region: { count: 400 } }).ret).toBe(0);
      if (!way.isServed) expect(packet({ tag: 4 })).toMatchObject({ ret: -1, errno: "EFAULT" });
      expect(packet({ op: 1, tagLen: 21, tag: 21 })).toMatchObject({ ret: -1, errno: "EBADMSG" });
      // That the operation is in place is checked first.
      const apart = { ses: "s", flags: 32, src: { count: 16 }, dst: 16, ivPtr: 8 };
      expect(auth(apart)).toMatchObject({ ret: -1, errno: "EINVAL" });
      for (const cipher of [11, 24, 25]) {
        start(cipher);
        expect(packet(), `cipher ${cipher}`).toMatchObject({ ret: -1, errno: "EINVAL" });
      }
    });
  });
});
