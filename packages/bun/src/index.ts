/**
 * The {@link Host} of Bun: libc through `bun:ffi`.
 *
 * @module
 */
import { createRequire } from "node:module";
import process from "node:process";
import { bufferOf, type Host, libcPaths, machineOf, UnsupportedError } from "@cryptodev/core";
import type { BunFFI } from "./types.ts";

/**
 * Loads libc, the first time in each thread, and gives the host that calls it.
 *
 * @throws `UnsupportedError` where there is no Bun, no Linux, or an unknown architecture
 * @example
 * ```ts
 * import { bunHost } from "@cryptodev/bun";
 *
 * console.log(bunHost().open("/nowhere/crypto", 2)); // -2, which is ENOENT
 * ```
 */
export function bunHost(): Host {
  host ??= load();
  return host;
}

// Module state is per worker, and so are libc's errno and the addresses of memory.
let host: Host | undefined;

const symbols = {
  open: { args: ["ptr", "i32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  ioctl: { args: ["i32", "i32", "ptr"], returns: "i32" },
  poll: { args: ["ptr", "u64_fast", "i32"], returns: "i32" },
  __errno_location: { args: [], returns: "ptr" },
} as const;

const linuxArch: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };

function loadLibc({ dlopen }: BunFFI): ReturnType<typeof dlopen<keyof typeof symbols>>["symbols"] {
  const paths = libcPaths(linuxArch[process.arch] ?? process.arch);
  let cause: unknown;
  for (const path of paths) {
    try {
      return dlopen(path, symbols).symbols;
    } catch (error) {
      cause = error;
    }
  }
  throw new UnsupportedError(`libc was not found as ${paths.join(", ")}`, { cause });
}

function load(): Host {
  // Elsewhere the calls themselves would go wrong: ioctl is variadic, and Apple's arm64 passes those arguments apart.
  if (process.platform !== "linux") {
    throw new UnsupportedError(`/dev/crypto is a device of Linux, this is ${process.platform}`);
  }
  const machine = machineOf(process.arch);
  if (machine === undefined) throw new UnsupportedError(`the layout of /dev/crypto on ${process.arch} is not known`);
  let ffi: BunFFI;
  try {
    // Not an import: other runtimes, which refuse `bun:` specifiers, can then load this module and be told so.
    ffi = createRequire(import.meta.url)("bun:ffi");
  } catch (cause) {
    throw new UnsupportedError("@cryptodev/bun runs in Bun, and this is another runtime", { cause });
  }
  const { open, close, ioctl, poll, __errno_location } = loadLibc(ffi);
  const { ptr, read } = ffi;
  const errnoLocation = __errno_location();

  return {
    backend: "kernel",
    machine,
    open(path, flags) {
      const fd = open(new TextEncoder().encode(`${path}\0`), flags);
      return fd < 0 ? -read.i32(errnoLocation, 0) : fd;
    },
    close(fd) {
      const result = close(fd);
      return result < 0 ? -read.i32(errnoLocation, 0) : result;
    },
    ioctl(fd, request, argument) {
      const result = ioctl(fd, request | 0, argument === null ? 0 : (argument.address as number));
      return result < 0 ? -read.i32(errnoLocation, 0) : result;
    },
    poll(pollfd, timeout) {
      const result = poll(pollfd.address as number, 1, timeout);
      return result < 0 ? -read.i32(errnoLocation, 0) : result;
    },
    addressOf(bytes) {
      // A view of up to 1000 bytes lives in the engine's own heap, and moves out of it when its buffer is first asked
      // for. Asking before its address is taken makes that address last.
      bufferOf(bytes);
      return ptr(bytes);
    },
    warn: (message) => process.emitWarning(message, "CryptodevWarning"),
  };
}
