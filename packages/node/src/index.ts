/**
 * The {@link Host} of Node.js: libc through koffi.
 *
 * @module
 */
import { createRequire } from "node:module";
import process from "node:process";
import { type Host, machineOf, UnsupportedError } from "@cryptodev/core";
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
export function nodeHost(): Host {
  host ??= load();
  return host;
}

// Module state is per worker, and so are libc's errno and the addresses of memory.
let host: Host | undefined;

function load(): Host {
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
    addressOf: (bytes) => Number(address(bytes)),
    warn: (message) => process.emitWarning(message, "CryptodevWarning"),
  };
}
