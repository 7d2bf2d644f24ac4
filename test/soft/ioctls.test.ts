import { Device } from "@cryptodev/core";
import {
  CIOCASYMFEAT,
  CIOCCRYPT,
  CIOCGSESSINFO,
  CIOCGSESSION,
  CRIOGET,
  errnos,
  pollfd,
  requestNumber,
  SIOP_FLAG_KERNEL_DRIVER_ONLY,
} from "@cryptodev/core/abi";
import { Argument, Call } from "@cryptodev/core/host";
import { type Caller, type Memory, OpenFile, SoftwareDevice, SoftwareHost } from "@cryptodev/soft";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fromHex, pattern, toHex } from "../bytes.ts";
import { type DeviceTraits, type Reached, ways } from "../software.ts";
import { Replay } from "./replay.ts";

/* Errors that the recorded scripts do not contain. */

const key = toHex(pattern(16, 5));
const iv = toHex(pattern(16, 1));
const unmapped = 8;
/** From `<poll.h>`. */
const POLLNVAL = 32;
const data = { count: 16 };

let reached: Reached;
let run: Replay;
const send = (ioctl: string, input: Record<string, unknown>, as = "s") => run.send({ ioctl, in: input, ret: 0, as });
const errnoOf = (ioctl: string, input: Record<string, unknown>) => send(ioctl, input).errno;

describe.each(ways)("$name:", ({ reach }) => {
  beforeEach(async () => {
    reached = await reach({ async: true });
    run = new Replay(reached.host, reached.path);
  });
  afterEach(() => run.close());
  async function replayOn(traits: DeviceTraits): Promise<Replay> {
    const { host, path } = await reach(traits);
    return new Replay(host, path);
  }

  describe("CIOCGSESSION", () => {
    test.each([
      ["refuses a mac key of more than 512 bytes", { mac: 7, mackey: { count: 513 } }, "EINVAL"],
      [
        "refuses a mac key of more than 512 bytes for a plain hash, which does not use one",
        { mac: 14, mackey: { count: 513 } },
        "EINVAL",
      ],
      [
        "refuses a cipher key of more than 64 bytes before reading it",
        { cipher: 11, keyPtr: unmapped, keylen: 65 },
        "EINVAL",
      ],
      [
        "refuses an unreadable cipher key before checking its size",
        { cipher: 11, keyPtr: unmapped, keylen: 15 },
        "EFAULT",
      ],
      ["refuses an unknown mac together with a known cipher", { cipher: 11, key, mac: 9 }, "EINVAL"],
      ["refuses an unknown cipher before reading its key", { cipher: 12, keyPtr: unmapped, keylen: 16 }, "EINVAL"],
      ["accepts a mac key of 512 bytes", { mac: 7, mackey: { count: 512 } }, undefined],
    ])("%s", (_what, input, errno) => {
      expect(errnoOf("CIOCGSESSION", input)).toBe(errno);
    });
  });

  describe("CIOCCRYPT", () => {
    test.each([
      ["refuses an unreadable iv", { src: data, dst: 16, ivPtr: unmapped }, "EFAULT"],
      ["refuses an unreadable src in place", { srcPtr: unmapped, dstPtr: unmapped, len: 16, iv }, "EFAULT"],
      ["ignores unknown flags, and returns them", { src: data, dst: 16, iv, flags: 0x80 }, undefined],
    ])("%s", (_what, input, errno) => {
      send("CIOCGSESSION", { cipher: 11, key });
      expect(errnoOf("CIOCCRYPT", { ses: "s", ...input })).toBe(errno);
    });

    test("hashes the content of dst if a hash decrypts", () => {
      send("CIOCGSESSION", { mac: 14 });
      const digest = (input: object) => send("CIOCCRYPT", { ses: "s", src: data, mac: 20, ...input }).out?.mac;
      expect(digest({ op: 1, dst: 16 })).toBe(digest({ src: "00".repeat(16) }));
    });

    test("starts a new hash with each call, whether data is aligned or not", async () => {
      const board = await replayOn({ alignmask: 15 });
      board.send({ ioctl: "CIOCGSESSION", in: { mac: 14 }, ret: 0, as: "h" });
      const digest = (input: object) =>
        board.send({ ioctl: "CIOCCRYPT", in: { ses: "h", src: data, mac: 20, ...input }, ret: 0 }).out;
      expect(digest({ misalign: 1 })).toEqual({ ...digest({}), flags: 8 });
      expect(digest({ misalign: 1 })).toEqual(digest({ misalign: 1 }));
      expect(digest({ src: "" })).toMatchObject({ flags: 0 });
      board.close();
    });

    test("encrypts the tweak of XTS again in each page with NO_ZC", () => {
      send("CIOCGSESSION", { cipher: 22, key: key + key });
      const op = { ses: "s", src: { count: 8192 }, dst: 8192, iv };
      const whole = String(send("CIOCCRYPT", op).out?.dst);
      const paged = String(send("CIOCCRYPT", { ...op, flags: 8 }).out?.dst);
      expect(paged.slice(0, 8192)).toBe(whole.slice(0, 8192));
      expect(paged.slice(8192)).not.toBe(whole.slice(8192));
    });
  });

  describe("CIOCCPHASH", () => {
    test("copies the message, and keeps the key of the destination", () => {
      const [one, other] = ["00", "01"];
      send("CIOCGSESSION", { mac: 7, mackey: one }, "a");
      send("CIOCGSESSION", { mac: 7, mackey: other }, "b");
      send("CIOCCRYPT", { ses: "a", src: data, flags: 1 });
      expect(send("CIOCCPHASH", { src: "a", dst: "b" }).ret).toBe(0);
      const digest = (ses: string) => send("CIOCCRYPT", { ses, flags: 2, mac: 20 }).out?.mac;
      // The inner hash was copied, which contains the source's key; the outer one is the destination's.
      expect(digest("b")).not.toBe(digest("a"));
    });

    test("refuses a session without a mac", () => {
      send("CIOCGSESSION", { mac: 14 }, "a");
      send("CIOCGSESSION", { cipher: 11, key }, "b");
      expect(errnoOf("CIOCCPHASH", { src: "a", dst: "b" })).toBe("EINVAL");
      expect(errnoOf("CIOCCPHASH", { src: "b", dst: "a" })).toBe("EINVAL");
      expect(errnoOf("CIOCCPHASH", { src: "a", dst: 3 })).toBe("ENOENT");
    });
  });

  test("CIOCCRYPT refuses a session of another open file", () => {
    const other = new Replay(reached.host, reached.path);
    send("CIOCGSESSION", { cipher: 11, key });
    const { errno } = other.send({ ioctl: "CIOCCRYPT", in: { ses: 1, src: data, dst: 16 }, ret: 0 });
    expect(errno).toBe("EINVAL");
    other.close();
  });

  describe("SoftwareDevice with the options hardware and alignmask", () => {
    test("reports alignmask and SIOP_FLAG_KERNEL_DRIVER_ONLY in CIOCGSESSINFO and in info()", async () => {
      const { host, path } = await reach({ alignmask: 15, hardware: true });
      const board = new Replay(host, path);
      board.send({ ioctl: "CIOCGSESSION", in: { cipher: 11, key }, ret: 0, as: "s" });
      const { out } = board.send({ ioctl: "CIOCGSESSINFO", in: { ses: "s" }, ret: 0 });
      expect(out).toMatchObject({ alignmask: 15, flags: SIOP_FLAG_KERNEL_DRIVER_ONLY });
      const device = Device.open(host, { path });
      expect(device.cipher("aes-cbc", fromHex(key)).info()).toMatchObject({ alignmask: 15, hardware: true });
      device.close();
      board.close();
    });

    test("sets NO_ZC for misaligned data only, and returns the same bytes", async () => {
      const board = await replayOn({ alignmask: 15 });
      board.send({ ioctl: "CIOCGSESSION", in: { cipher: 11, key }, ret: 0, as: "s" });
      const op = (input: object) =>
        board.send({ ioctl: "CIOCCRYPT", in: { ses: "s", src: data, dst: 16, iv, ...input }, ret: 0 }).out;
      expect(op({})?.flags).toBe(0);
      expect(op({ misalign: 1 })).toEqual({ ...op({}), flags: 8 });
      board.close();
    });
  });
});

/* Real memory does not end where a view does; the programs in C have pages that do. */
describe("CIOCCRYPT in process, if memory ends with a view,", () => {
  beforeEach(() => {
    run = new Replay(new SoftwareHost());
  });
  afterEach(() => run.close());

  test("fails with EFAULT if src is too short", () => {
    send("CIOCGSESSION", { cipher: 11, key });
    expect(errnoOf("CIOCCRYPT", { ses: "s", src: { count: 16 }, len: 32, dst: 32, iv })).toBe("EFAULT");
  });

  test("copies and processes the readable part of src", () => {
    send("CIOCGSESSION", { cipher: 16, key: "" });
    const { errno, out } = send("CIOCCRYPT", { ses: "s", src: { count: 4096 }, len: 8192, dst: 8192 });
    expect(errno).toBe("EFAULT");
    expect(out?.dst).toBe(toHex(pattern(4096)) + "00".repeat(4096));
  });

  test("processes the pages before an unreadable one with NO_ZC", () => {
    send("CIOCGSESSION", { cipher: 16, key: "" });
    const { errno, out } = send("CIOCCRYPT", { ses: "s", flags: 8, src: { count: 4096 }, len: 8192, dst: 8192 });
    expect(errno).toBe("EFAULT");
    expect(out?.dst).toBe(toHex(pattern(4096)) + "00".repeat(4096));
  });

  test("writes the bytes of data and digest before a fault", () => {
    send("CIOCGSESSION", { cipher: 16, key: "", mac: 14 });
    const op = { ses: "s", src: { count: 32 }, dst: 32, mac: 20 };
    const short = send("CIOCCRYPT", { ...op, flags: 8, dst: 24 });
    expect(short).toMatchObject({ errno: "EFAULT", out: { dst: toHex(pattern(24)), mac: "00".repeat(20) } });
    const digest = String(send("CIOCCRYPT", op).out?.mac);
    for (const size of [19, 1])
      expect(send("CIOCCRYPT", { ...op, mac: size }).out?.mac).toBe(digest.slice(0, size * 2));
  });

  test("copies data of more pages than the driver can list", () => {
    const host = new SoftwareHost();
    const fd = host.open("/dev/crypto", 2);
    const session = new Call(host, CIOCGSESSION);
    session.setUint32(session.offset.cipher, 16);
    host.ioctl(fd, session.request, session);
    const long = new Uint8Array(2 ** 29 + 1);
    const send = (size: number) => {
      const call = new Call(host, CIOCCRYPT);
      call.setUint32(call.offset.ses, session.getUint32(session.offset.ses));
      call.setUint32(call.offset.len, size);
      call.point(call.offset.src, long);
      return host.ioctl(fd, call.request, call);
    };
    // With a copy, an unwritable destination is only an error.
    expect(() => send(2 ** 29)).toThrow(expect.objectContaining({ rule: "dst-null" }));
    expect(send(2 ** 29 + 1)).toBe(-errnos.EFAULT);
    host.close(fd);
  });
});

describe("SoftwareHost", () => {
  test("open() returns EMFILE if all descriptors are in use", () => {
    const narrow = new SoftwareHost({ descriptors: 1 });
    const fd = narrow.open("/dev/crypto", 2);
    expect(narrow.open("/dev/crypto", 2)).toBe(-errnos.EMFILE);
    expect(() => Device.open(narrow)).toThrow(expect.objectContaining({ code: "EMFILE" }));
    expect([narrow.close(fd), narrow.close(fd)]).toEqual([0, -errnos.EBADF]);
    expect(narrow.open("/dev/elsewhere", 2)).toBe(-errnos.ENOENT);
    expect(narrow.ioctl(5, 0, null)).toBe(-errnos.EBADF);
  });

  test("poll() reports POLLNVAL for a descriptor that is not open", () => {
    const host = new SoftwareHost();
    const argument = new Argument(host, pollfd);
    argument.setUint32(argument.offset.fd, 5);
    expect(host.poll(argument, 0)).toBe(1);
    expect(argument.getUint16(argument.offset.revents)).toBe(POLLNVAL);
  });

  test("CRIOGET closes a clone if its number cannot be written to the caller", () => {
    const device = new SoftwareDevice();
    const memory: Memory = {
      read: (_address, length) => new Uint8Array(length),
      isReadable: () => true,
      isWritable: () => false,
      write: () => false,
      writeArgument: () => false,
      retain: () => memory,
    };
    const closed: number[] = [];
    const clone = (answer: number) => {
      const close = (fd: number) => void closed.push(fd);
      const caller: Caller = { file: new OpenFile(), memory, duplicate: () => answer, close };
      return device.ioctl(requestNumber(CRIOGET, device.machine), 4096, caller);
    };
    expect(clone(7)).toBe(-errnos.EFAULT);
    expect(clone(-errnos.EMFILE)).toBe(-errnos.EFAULT);
    expect(closed).toEqual([7]);
  });
});

test("SoftwareHost.ioctl() returns EFAULT if the argument is too short", () => {
  const host = new SoftwareHost();
  const fd = host.open("/dev/crypto", 2);
  const short = new Call(host, CIOCASYMFEAT);
  const { request } = new Call(host, CIOCGSESSINFO);
  expect(host.ioctl(fd, request, short)).toBe(-errnos.EFAULT);
  host.close(fd);
});
