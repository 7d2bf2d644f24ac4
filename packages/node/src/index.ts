/**
 * The {@link Host} of Node.js: libc through koffi.
 *
 * @module
 */
import { createRequire } from "node:module";
import process from "node:process";
import { type LibcHost, machineOf, UnsupportedError } from "@cryptodev/core";
import type koffi from "koffi";

/**
 * Loads libc, the first time in each thread, and gives the host that calls it.
 *
 * @throws `UnsupportedError` where there is no Linux, no koffi for this platform, or an unknown architecture
 * @example
 * ```ts
 * import { nodeHost } from "@cryptodev/node";
 *
 * console.log(nodeHost().open("/nowhere/crypto", 2)); // -2, which is ENOENT
 * ```
 */
export function nodeHost(): LibcHost {
  host ??= load();
  return host;
}

// Module state is per worker, and so are libc's errno and the addresses of memory.
let host: LibcHost | undefined;

function load(): LibcHost {
  // Elsewhere the calls themselves would go wrong: ioctl is variadic, and Apple's arm64 passes those arguments apart.
  if (process.platform !== "linux") {
    throw new UnsupportedError(`/dev/crypto is a device of Linux, this is ${process.platform}`);
  }
  const machine = machineOf(process.arch);
  if (machine === undefined) throw new UnsupportedError(`the layout of /dev/crypto on ${process.arch} is not known`);
  let ffi: typeof koffi;
  try {
    ffi = createRequire(import.meta.url)("koffi");
  } catch (cause) {
    throw new UnsupportedError(
      `koffi, which reaches libc from Node.js, cannot be loaded on ${process.platform} ${process.arch} (was it installed with its optional dependencies?)`,
      { cause },
    );
  }
  const libc = ffi.load(null);
  // Integers only, and no more than six: with a pointer type, a variadic one or a BigInt, koffi leaves its fast path.
  const open = libc.func("open", "int", ["str", "int"]);
  const close = libc.func("close", "int", ["int"]);
  const ioctl = libc.func("ioctl", "int", ["int", "int", "uintptr_t"]);
  const poll = libc.func("poll", "int", ["uintptr_t", "unsigned long", "int"]);
  const read = libc.func("read", "int64_t", ["int", "uintptr_t", "size_t"]);
  const write = libc.func("write", "int64_t", ["int", "uintptr_t", "size_t"]);
  const mount = libc.func("mount", "int", ["str", "str", "str", "unsigned long", "str"]);
  const umount2 = libc.func("umount2", "int", ["str", "int"]);
  const vector = ["int", "uintptr_t", "unsigned long", "uintptr_t", "unsigned long", "unsigned long"];
  const processVmReadv = libc.func("process_vm_readv", "int64_t", vector);
  const processVmWritev = libc.func("process_vm_writev", "int64_t", vector);
  const { errno, address } = ffi;

  return {
    backend: "kernel",
    machine,
    open(path, flags) {
      const fd = open(path, flags);
      return fd < 0 ? -errno() : fd;
    },
    close(fd) {
      const result = close(fd);
      return result < 0 ? -errno() : result;
    },
    ioctl(fd, request, argument) {
      const result = ioctl(fd, request | 0, argument === null ? 0 : argument.address);
      return result < 0 ? -errno() : result;
    },
    poll(pollfd, timeout) {
      const result = poll(pollfd.address, 1, timeout);
      return result < 0 ? -errno() : result;
    },
    read(fd, buffer) {
      const result = read(fd, buffer.address, buffer.bytes.length);
      return result < 0 ? -errno() : result;
    },
    write(fd, buffer, length) {
      const result = write(fd, buffer.address, length);
      return result < 0 ? -errno() : result;
    },
    mount(source, target, type, flags, data) {
      const result = mount(source, target, type, flags, data);
      return result < 0 ? -errno() : result;
    },
    umount2(target, flags) {
      const result = umount2(target, flags);
      return result < 0 ? -errno() : result;
    },
    processVmReadv(pid, local, remote) {
      const result = processVmReadv(pid, local.address, 1, remote.address, 1, 0);
      return result < 0 ? -errno() : result;
    },
    processVmWritev(pid, local, remote) {
      const result = processVmWritev(pid, local.address, 1, remote.address, 1, 0);
      return result < 0 ? -errno() : result;
    },
    addressOf: (bytes) => Number(address(bytes)),
    warn: (message) => process.emitWarning(message, "CryptodevWarning"),
  };
}
