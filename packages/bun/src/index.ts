/**
 * The {@link @cryptodev/core!Host | Host} of Bun: libc through `bun:ffi`.
 *
 * @module @cryptodev/bun
 */
import { bufferOf, type LibcHost, libcPaths, linuxMachine, UnsupportedError } from "@cryptodev/core";
import type { BunFFI } from "./types.ts";

/**
 * Returns the host that calls libc. The first call in each thread loads libc.
 *
 * @returns one host for each thread
 * @throws {UnsupportedError} if the runtime is not Bun, the system is not Linux, or the architecture is unknown
 * @example
 * ```ts
 * import { bunHost } from "@cryptodev/bun";
 *
 * console.log(bunHost().open("/nowhere/crypto", 2)); // -2, which is ENOENT
 * ```
 */
export function bunHost(): LibcHost {
  host ??= load();
  return host;
}

// Module state exists once per worker, as do libc's errno and the addresses of memory.
let host: LibcHost | undefined;

const symbols = {
  open: { args: ["ptr", "i32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  ioctl: { args: ["i32", "i32", "ptr"], returns: "i32" },
  poll: { args: ["ptr", "u64_fast", "i32"], returns: "i32" },
  read: { args: ["i32", "ptr", "u64_fast"], returns: "i64_fast" },
  write: { args: ["i32", "ptr", "u64_fast"], returns: "i64_fast" },
  mount: { args: ["ptr", "ptr", "ptr", "u64_fast", "ptr"], returns: "i32" },
  umount2: { args: ["ptr", "i32"], returns: "i32" },
  process_vm_readv: { args: ["i32", "ptr", "u64_fast", "ptr", "u64_fast", "u64_fast"], returns: "i64_fast" },
  process_vm_writev: { args: ["i32", "ptr", "u64_fast", "ptr", "u64_fast", "u64_fast"], returns: "i64_fast" },
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
  throw new UnsupportedError("ffi", `libc was not found as ${paths.join(", ")}`, { cause });
}

function load(): LibcHost {
  const machine = linuxMachine(process.platform, process.arch);
  // Not an import: other runtimes, which refuse `bun:` specifiers, can then load this module and report an error.
  const ffi = process.getBuiltinModule?.("bun:ffi") as BunFFI | undefined;
  if (ffi === undefined) throw new UnsupportedError("ffi", "@cryptodev/bun runs in Bun, and this is another runtime");
  const libc = loadLibc(ffi);
  const { open, close, ioctl, poll, read, write, mount, umount2, process_vm_readv, process_vm_writev } = libc;
  const toC = (text: string): Uint8Array => new TextEncoder().encode(`${text}\0`);
  const { ptr } = ffi;
  const errnoLocation = libc.__errno_location();
  const errno = (): number => ffi.read.i32(errnoLocation, 0);

  return {
    backend: "kernel",
    machine,
    open(path, flags) {
      const fd = open(toC(path), flags);
      return fd < 0 ? -errno() : fd;
    },
    close(fd) {
      const result = close(fd);
      return result < 0 ? -errno() : result;
    },
    ioctl(fd, request, argument) {
      const result = ioctl(fd, request | 0, argument === null ? 0 : (argument.address as number));
      return result < 0 ? -errno() : result;
    },
    poll(pollfd, timeout) {
      const result = poll(pollfd.address as number, 1, timeout);
      return result < 0 ? -errno() : result;
    },
    read(fd, buffer) {
      const result = read(fd, buffer.address as number, buffer.bytes.length);
      return result < 0 ? -errno() : result;
    },
    write(fd, buffer, length) {
      const result = write(fd, buffer.address as number, length);
      return result < 0 ? -errno() : result;
    },
    mount(source, target, type, flags, data) {
      const result = mount(toC(source), toC(target), toC(type), flags, toC(data));
      return result < 0 ? -errno() : result;
    },
    umount2(target, flags) {
      const result = umount2(toC(target), flags);
      return result < 0 ? -errno() : result;
    },
    processVmReadv(pid, local, remote, remotes) {
      const result = process_vm_readv(pid, local.address as number, 1, remote.address as number, remotes, 0);
      return result < 0 ? -errno() : result;
    },
    processVmWritev(pid, local, remote, remotes) {
      const result = process_vm_writev(pid, local.address as number, 1, remote.address as number, remotes, 0);
      return result < 0 ? -errno() : result;
    },
    addressOf(bytes) {
      // A view of up to 1000 bytes is in the engine's own heap, and moves out of it when its buffer is first accessed.
      // Accessing the buffer first makes the address permanent.
      bufferOf(bytes);
      return ptr(bytes);
    },
    warn: (message) => process.emitWarning(message, "CryptodevWarning"),
  };
}
