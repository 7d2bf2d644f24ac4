/**
 * The {@link @cryptodev/core!Host | Host} of Deno: libc through `Deno.dlopen`.
 *
 * It needs `--allow-ffi`. To allow only libc, give its absolute path: `--allow-ffi=/lib/x86_64-linux-gnu/libc.so.6`.
 *
 * @module @cryptodev/deno
 */
import { type LibcHost, libcPaths, linuxMachine, UnsupportedError } from "@cryptodev/core";
import type { DenoNamespace, Globals } from "./types.ts";

/**
 * Returns the host that calls libc. The first call in each thread loads libc.
 *
 * @returns one host for each thread
 * @throws {UnsupportedError} if the runtime is not Deno, the system is not Linux, the permission to call libc is
 * missing, or the architecture is unknown
 * @example
 * ```ts
 * import { denoHost } from "@cryptodev/deno";
 *
 * console.log(denoHost().open("/nowhere/crypto", 2)); // -2, which is ENOENT
 * ```
 */
export function denoHost(): LibcHost {
  host ??= load();
  return host;
}

// Module state exists once per worker, as do libc's errno and the addresses of memory.
let host: LibcHost | undefined;

const { Deno, console, TextEncoder } = globalThis as unknown as Globals;

// Integers and buffers only: Deno's pointer classes would require the permission for all libraries.
const symbols = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u32", "u64"], result: "i32" },
  poll: { parameters: ["u64", "u64", "i32"], result: "i32" },
  read: { parameters: ["i32", "u64", "u64"], result: "i64" },
  write: { parameters: ["i32", "u64", "u64"], result: "i64" },
  mount: { parameters: ["buffer", "buffer", "buffer", "u64", "buffer"], result: "i32" },
  umount2: { parameters: ["buffer", "i32"], result: "i32" },
  process_vm_readv: { parameters: ["i32", "u64", "u64", "u64", "u64", "u64"], result: "i64" },
  process_vm_writev: { parameters: ["i32", "u64", "u64", "u64", "u64", "u64"], result: "i64" },
  memcpy: { parameters: ["buffer", "u64", "u64"], result: "u64" },
  __errno_location: { parameters: [], result: "u64" },
} as const;

function loadLibc(deno: DenoNamespace): ReturnType<typeof deno.dlopen<keyof typeof symbols>>["symbols"] {
  const paths = libcPaths(deno.build.arch);
  const isGranted = (path?: string) =>
    deno.permissions.querySync(path === undefined ? { name: "ffi" } : { name: "ffi", path }).state === "granted";
  const granted = isGranted() ? paths : paths.filter((path) => path.startsWith("/") && isGranted(path));
  // If no permission is granted, trying the most likely path makes Deno prompt for it, or report what is missing.
  const tried = granted.length > 0 ? granted : paths.slice(1, 2);
  let cause: unknown;
  for (const path of tried) {
    try {
      return deno.dlopen(path, symbols).symbols;
    } catch (error) {
      cause = error;
    }
  }
  const missing =
    granted.length > 0
      ? `libc was not found as ${tried.join(", ")}`
      : `Deno may not call libc: run it with --allow-ffi, or --allow-ffi=${tried[0]} for libc only`;
  throw new UnsupportedError("ffi", missing, { cause });
}

function load(): LibcHost {
  if (Deno === undefined)
    throw new UnsupportedError("ffi", "@cryptodev/deno runs in Deno, and this is another runtime");
  const machine = linuxMachine(Deno.build.os, Deno.build.arch);
  const libc = loadLibc(Deno);
  const { open, close, ioctl, poll, read, write, mount, umount2, process_vm_readv, process_vm_writev, memcpy } = libc;
  const toC = (text: string): Uint8Array => new TextEncoder().encode(`${text}\0`);

  const errnoLocation = libc.__errno_location();
  const errnoBytes = new Uint8Array(4);
  const errnoWord = new Int32Array(errnoBytes.buffer);
  const errno = (): number => {
    memcpy(errnoBytes, errnoLocation, 4n);
    return errnoWord[0] as number;
  };

  return {
    backend: "kernel",
    machine,
    open(path, flags) {
      const fd = open(toC(path), flags) as number;
      return fd < 0 ? -errno() : fd;
    },
    close(fd) {
      const result = close(fd) as number;
      return result < 0 ? -errno() : result;
    },
    ioctl(fd, request, argument) {
      const result = ioctl(fd, request, argument === null ? 0n : argument.address) as number;
      return result < 0 ? -errno() : result;
    },
    poll(pollfd, timeout) {
      const result = poll(pollfd.address, 1n, timeout) as number;
      return result < 0 ? -errno() : result;
    },
    read(fd, buffer) {
      const result = Number(read(fd, buffer.address, BigInt(buffer.bytes.length)));
      return result < 0 ? -errno() : result;
    },
    write(fd, buffer, length) {
      const result = Number(write(fd, buffer.address, BigInt(length)));
      return result < 0 ? -errno() : result;
    },
    mount(source, target, type, flags, data) {
      const result = mount(toC(source), toC(target), toC(type), BigInt(flags), toC(data)) as number;
      return result < 0 ? -errno() : result;
    },
    umount2(target, flags) {
      const result = umount2(toC(target), flags) as number;
      return result < 0 ? -errno() : result;
    },
    processVmReadv(pid, local, remote, remotes) {
      const result = Number(process_vm_readv(pid, local.address, 1n, remote.address, BigInt(remotes), 0n));
      return result < 0 ? -errno() : result;
    },
    processVmWritev(pid, local, remote, remotes) {
      const result = Number(process_vm_writev(pid, local.address, 1n, remote.address, BigInt(remotes), 0n));
      return result < 0 ? -errno() : result;
    },
    // memcpy returns its destination, so copying no bytes returns the buffer's address. It stays a BigInt: a Number in
    // a 64-bit parameter takes Deno off its fast path.
    addressOf: (bytes) => memcpy(bytes, 0n, 0n),
    warn: (message) => console.warn(`CryptodevWarning: ${message}`),
  };
}
