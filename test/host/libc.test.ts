import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  Argument,
  Call,
  CIOCCRYPT,
  Device,
  errnos,
  iovec,
  LP64,
  O_CLOEXEC,
  O_RDWR,
  pollfd,
  requestNumber,
  u32,
} from "@cryptodev/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";
import { collectGarbage, realHost } from "../runtime.ts";

/* The real libc, with files that every Linux has. */

/** From `<asm-generic/ioctls.h>`, `<fcntl.h>` and `<poll.h>`. */
const FIONREAD = 0x541b;
const O_NONBLOCK = 0o4000;
const POLLIN = 1;
const POLLOUT = 4;
const POLLNVAL = 32;

const host = await realHost();
const cioccrypt = requestNumber(CIOCCRYPT, LP64);
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "cryptodev-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Creates a named pipe, which can be opened without any other system call. */
function openPipe(): { path: string; fd: number } {
  const path = join(folder, `pipe-${Math.random()}`);
  expect(spawnSync("mkfifo", [path]).status).toBe(0);
  return { path, fd: host.open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC) };
}

describe("open()", () => {
  test("returns a descriptor that is closed on exec", () => {
    const fd = host.open("/dev/null", O_RDWR | O_CLOEXEC);
    expect(fd).toBeGreaterThan(2);
    const flags = /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] as string;
    expect(Number.parseInt(flags, 8) & O_CLOEXEC).toBe(O_CLOEXEC);
    expect(host.close(fd)).toBe(0);
  });

  test.each([
    ["/nowhere/crypto", errnos.ENOENT],
    ["/dev/null/crypto", errnos.ENOTDIR],
    ["/tmp", errnos.EISDIR],
    [`/${"x".repeat(300)}`, errnos.ENAMETOOLONG],
  ])("of %s returns the negative error number", (path, errno) => {
    expect(host.open(path, O_RDWR)).toBe(-errno);
  });

  test("passes a path as UTF-8", () => {
    const path = join(folder, "Schlüssel-鍵");
    writeFileSync(path, "");
    const fd = host.open(path, O_RDWR);
    expect(fd).toBeGreaterThan(2);
    host.close(fd);
  });
});

test("close() of a descriptor that is not open returns EBADF", () => {
  expect(host.close(999)).toBe(-errnos.EBADF);
});

describe("ioctl()", () => {
  test("with FIONREAD receives the number of bytes in a pipe, which the kernel writes to the argument", () => {
    const { path, fd } = openPipe();
    writeFileSync(path, "nineteen bytes long");
    const argument = new Argument(host, u32);
    expect(host.ioctl(fd, FIONREAD, argument)).toBe(0);
    expect(argument.getUint32(argument.offset.value)).toBe(19);
    host.close(fd);
  });

  test("returns ENOTTY for a file that is not /dev/crypto and EBADF for a bad descriptor, also with NULL", () => {
    const fd = host.open("/etc/passwd", 0);
    const call = new Call(host, CIOCCRYPT);
    expect(host.ioctl(fd, call.request, call)).toBe(-errnos.ENOTTY);
    expect(host.ioctl(fd, call.request, null)).toBe(-errnos.ENOTTY);
    expect(host.ioctl(999, call.request, call)).toBe(-errnos.EBADF);
    host.close(fd);
  });

  test("returns EFAULT for a NULL argument to which the kernel writes", () => {
    const { fd } = openPipe();
    expect(host.ioctl(fd, FIONREAD, null)).toBe(-errnos.EFAULT);
    host.close(fd);
  });

  test("makes the library report a file that is not /dev/crypto", () => {
    const path = join(folder, "plain");
    writeFileSync(path, "");
    const device = Device.open(host, path);
    expect(() => device.hash("sha1")).toThrow(`CIOCGSESSION ${path}: ENOTTY, this file is not a /dev/crypto`);
    device.close();
  });
});

test("poll() reports which events are ready", () => {
  const { path, fd } = openPipe();
  const argument = new Argument(host, pollfd);
  argument.setUint32(argument.offset.fd, fd);
  argument.setUint16(argument.offset.events, POLLIN);
  expect(host.poll(argument, 0)).toBe(0);
  writeFileSync(path, "x");
  argument.setUint16(argument.offset.events, POLLIN | POLLOUT);
  expect(host.poll(argument, 1000)).toBe(1);
  expect(argument.getUint16(argument.offset.revents)).toBe(POLLIN | POLLOUT);
  host.close(fd);
  expect(host.poll(argument, 0)).toBe(1);
  expect(argument.getUint16(argument.offset.revents)).toBe(POLLNVAL);
});

describe("the calls of a server:", () => {
  const message = { name: "message", fields: [["bytes", "char", 32]] } as const;

  test("write() sends the given number of bytes, and read() returns the available ones", () => {
    const { fd } = openPipe();
    const [sent, received] = [new Argument(host, message), new Argument(host, message)];
    sent.bytes.set(pattern(32));
    expect(host.read(fd, received)).toBe(-errnos.EAGAIN);
    expect(host.write(fd, sent, 20)).toBe(20);
    expect(host.read(fd, received)).toBe(20);
    expect([...received.bytes]).toEqual([...pattern(20), ...new Uint8Array(12)]);
    host.close(fd);
    expect(host.read(999, received)).toBe(-errnos.EBADF);
    expect(host.write(999, sent, 20)).toBe(-errnos.EBADF);
  });

  test("mount() and umount2() of a missing path return ENOENT", () => {
    expect(host.mount("cryptodev", "/nowhere/crypto", "tmpfs", 0, "")).toBe(-errnos.ENOENT);
    expect(host.umount2("/nowhere/crypto", 0)).toBe(-errnos.ENOENT);
  });

  test("processVmReadv() and processVmWritev() copy bytes between two processes, or within one", () => {
    const [here, there] = [new Uint8Array(new ArrayBuffer(32)), pattern(32)];
    const local = new Argument(host, iovec);
    const { iov_base, iov_len } = local.offset;
    const second = local.bytes.length;
    const remote = new Argument(host, { name: "two pieces", fields: [["pieces", "char", 2 * second]] });
    local.point(iov_base, here);
    local.setAddress(iov_len, 20);
    const start = Number(host.addressOf(there));
    remote.setAddress(iov_base, start + 24);
    remote.setAddress(iov_len, 4);
    remote.setAddress(second + iov_base, start);
    remote.setAddress(second + iov_len, 16);
    expect(host.processVmReadv(process.pid, local, remote, 2)).toBe(20);
    expect([...here]).toEqual([...pattern(32).subarray(24, 28), ...pattern(16), ...new Uint8Array(12)]);
    expect(host.processVmReadv(process.pid, local, remote, 1)).toBe(4);
    here.fill(7);
    expect(host.processVmWritev(process.pid, local, remote, 2)).toBe(20);
    const sevens = (count: number) => new Uint8Array(count).fill(7);
    const rest = pattern(32);
    expect([...there]).toEqual([...sevens(16), ...rest.subarray(16, 24), ...sevens(4), ...rest.subarray(28)]);

    remote.setAddress(second + iov_base, 8);
    expect(host.processVmReadv(process.pid, local, remote, 2)).toBe(4);
    remote.setAddress(iov_base, 8);
    for (const call of ["processVmReadv", "processVmWritev"] as const) {
      expect(host[call](process.pid, local, remote, 2)).toBe(-errnos.EFAULT);
      // No such process can exist: pid_max is at most 2^22, see proc(5).
      expect(host[call](2 ** 22 + 1, local, remote, 1)).toBe(-errnos.ESRCH);
    }
  });
});

test("errno belongs to its call, whatever the garbage collector does in between", () => {
  const fd = host.open("/etc/passwd", 0);
  const call = new Call(host, CIOCCRYPT);
  let wrong = 0;
  let kept: unknown[] = [];
  for (let round = 0; round < 100_000; round += 1) {
    if (host.ioctl(fd, cioccrypt, call) !== -errnos.ENOTTY) wrong += 1;
    kept.push(new Uint8Array(64), { round });
    if (host.ioctl(999, cioccrypt, call) !== -errnos.EBADF) wrong += 1;
    if (kept.length > 5000) kept = [];
    if (round % 1000 === 0) collectGarbage();
  }
  host.close(fd);
  expect(wrong).toBe(0);
});
