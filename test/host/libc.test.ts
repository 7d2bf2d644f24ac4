import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { Device } from "@cryptodev/core";
import { CIOCCRYPT, errnos, iovec, LP64, O_CLOEXEC, O_RDWR, pollfd, requestNumber, u32 } from "@cryptodev/core/abi";
import { Argument, bind, Call } from "@cryptodev/core/host";
import { describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";
import { collectGarbage, realDialect, realHost } from "../runtime.ts";
import { temporaryFolder } from "../temporary_folder.ts";

/* The real libc, with files that every Linux has. */

/** From `<asm-generic/ioctls.h>`, `<fcntl.h>` and `<poll.h>`. */
const FIONREAD = 0x541b;
const O_NONBLOCK = 0o4000;
const POLLIN = 1;
const POLLOUT = 4;
const POLLNVAL = 32;

const [host, dialect] = [await realHost(), await realDialect()];
const cioccrypt = requestNumber(CIOCCRYPT, LP64);
const folder = temporaryFolder("libc");

/** Creates a named pipe, which can be opened without any other system call. */
function openPipe(): { path: string; fd: number } {
  const path = join(folder, `pipe-${Math.random()}`);
  expect(spawnSync("mkfifo", [path]).status).toBe(0);
  return { path, fd: host.open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC) };
}

describe("Host.open()", () => {
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
  ])("returns the negative error number for %s", (path, errno) => {
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

test("Host.close() returns EBADF for a descriptor that is not open", () => {
  expect(host.close(999)).toBe(-errnos.EBADF);
});

describe("Host.ioctl()", () => {
  test("passes on the number of bytes in a pipe, which the kernel writes to the argument of FIONREAD", () => {
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
    const device = Device.open(host, { path });
    expect(() => device.hash("sha1")).toThrow(`CIOCGSESSION ${path}: ENOTTY, this file is not a /dev/crypto`);
    device.close();
  });
});

test("Host.poll() reports which events are ready", () => {
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

describe("bind()", () => {
  const message = { name: "message", fields: [["bytes", "char", 32]] } as const;
  // The calls of a server, which together use every type of C.
  const vmTransfer = {
    parameters: ["pid: int", "local: pointer", "locals: ulong", "remote: pointer", "remotes: ulong", "flags: ulong"],
    result: "ssize_t",
  } as const;
  const calls = bind(
    {
      read: { parameters: ["fd: int", "buf: pointer", "count: size_t"], result: "ssize_t" },
      write: { parameters: ["fd: int", "buf: pointer", "count: size_t"], result: "ssize_t" },
      lseek: { parameters: ["fd: int", "offset: ssize_t", "whence: int"], result: "ssize_t" },
      mount: {
        parameters: ["source: string", "target: string", "type: string", "flags: ulong", "data: string"],
        result: "int",
      },
      umount2: { parameters: ["target: string", "flags: int"], result: "int" },
      process_vm_readv: vmTransfer,
      process_vm_writev: vmTransfer,
    },
    dialect,
  );

  test("throws an error for a function that libc does not have", () => {
    expect(() => bind({ no_such_function: { parameters: [], result: "int" } }, dialect)).toThrow(/no_such_function/);
  });

  test("passes numbers beyond 32 bits, and negative ones", () => {
    const path = join(folder, "sparse");
    writeFileSync(path, "");
    const fd = host.open(path, O_RDWR);
    expect(calls.lseek(fd, 2 ** 40, 0)).toBe(2 ** 40);
    expect(calls.lseek(fd, -(2 ** 39), 1)).toBe(2 ** 39);
    host.close(fd);
    expect(calls.lseek(-1, 0, 0)).toBe(-errnos.EBADF);
  });

  test("binds write(), which sends the given number of bytes, and read(), which returns the available ones", () => {
    const { fd } = openPipe();
    const [sent, received] = [new Argument(host, message), new Argument(host, message)];
    sent.bytes.set(pattern(32));
    expect(calls.read(fd, received.address, 32)).toBe(-errnos.EAGAIN);
    expect(calls.write(fd, sent.address, 20)).toBe(20);
    expect(calls.read(fd, received.address, 32)).toBe(20);
    expect([...received.bytes]).toEqual([...pattern(20), ...new Uint8Array(12)]);
    host.close(fd);
    expect(calls.read(999, received.address, 32)).toBe(-errnos.EBADF);
    expect(calls.write(999, sent.address, 20)).toBe(-errnos.EBADF);
  });

  test("binds mount() and umount2(), which return ENOENT for a missing path", () => {
    expect(calls.mount("cryptodev", "/nowhere/crypto", "tmpfs", 0, "")).toBe(-errnos.ENOENT);
    expect(calls.umount2("/nowhere/crypto", 0)).toBe(-errnos.ENOENT);
  });

  test("binds process_vm_readv() and process_vm_writev(), which copy bytes between two processes, or within one", () => {
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
    expect(calls.process_vm_readv(process.pid, local.address, 1, remote.address, 2, 0)).toBe(20);
    expect([...here]).toEqual([...pattern(32).subarray(24, 28), ...pattern(16), ...new Uint8Array(12)]);
    expect(calls.process_vm_readv(process.pid, local.address, 1, remote.address, 1, 0)).toBe(4);
    here.fill(7);
    expect(calls.process_vm_writev(process.pid, local.address, 1, remote.address, 2, 0)).toBe(20);
    const sevens = (count: number) => new Uint8Array(count).fill(7);
    const rest = pattern(32);
    expect([...there]).toEqual([...sevens(16), ...rest.subarray(16, 24), ...sevens(4), ...rest.subarray(28)]);

    remote.setAddress(second + iov_base, 8);
    expect(calls.process_vm_readv(process.pid, local.address, 1, remote.address, 2, 0)).toBe(4);
    remote.setAddress(iov_base, 8);
    for (const call of ["process_vm_readv", "process_vm_writev"] as const) {
      expect(calls[call](process.pid, local.address, 1, remote.address, 2, 0)).toBe(-errnos.EFAULT);
      // No such process can exist: pid_max is at most 2^22, see proc(5).
      expect(calls[call](2 ** 22 + 1, local.address, 1, remote.address, 1, 0)).toBe(-errnos.ESRCH);
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
