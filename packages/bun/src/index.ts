/**
 * The {@link cryptodev/host!Host | Host} of Bun: libc through `bun:ffi`.
 *
 * @module @cryptodev/bun
 */
import { UnsupportedError } from "@cryptodev/core";
import { bufferOf, type Dialect, type Host, libcHost, libcPaths, linuxMachine } from "@cryptodev/core/host";
import type { BunFFI, ForeignFunction } from "./types.ts";

/**
 * Returns the host that calls libc. The first call in each thread loads libc.
 *
 * @returns one host for each thread
 * @throws {UnsupportedError} if the runtime is not Bun, the system is not Linux, or the architecture is unknown
 * @example
 * ```ts
 * import { bunHost } from "cryptodev/bun";
 *
 * console.log(bunHost().open("/nowhere/crypto", 2)); // -2, which is ENOENT
 * ```
 */
export function bunHost(): Host {
  host ??= libcHost(dialect());
  return host;
}

/**
 * Returns how Bun calls libc, with which {@link cryptodev/host!bind | bind()} declares functions that a host does not
 * have. The first call in each thread loads libc.
 *
 * @returns one dialect for each thread
 * @throws {UnsupportedError} if the runtime is not Bun, the system is not Linux, or the architecture is unknown
 * @example
 * ```ts
 * import { dialect } from "cryptodev/bun";
 * import { bind } from "cryptodev/host";
 *
 * const { getppid } = bind({ getppid: { parameters: [], result: "int" } }, dialect());
 * console.log(getppid() === process.ppid);
 * ```
 */
export function dialect(): Dialect {
  loaded ??= load();
  return loaded;
}

// Module state exists once per worker, as do libc's errno and the addresses of memory.
let host: Host | undefined;
let loaded: Dialect | undefined;

const linuxArch: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };

/** Returns a function that looks up functions of libc. */
function openLibc({ dlopen }: BunFFI): Dialect["declare"] {
  const paths = libcPaths(linuxArch[process.arch] ?? process.arch);
  let cause: unknown;
  for (const path of paths) {
    try {
      dlopen(path, { __errno_location: { args: [], returns: "ptr" } });
      return (name, args, returns) => dlopen(path, { [name]: { args, returns } }).symbols[name] as ForeignFunction;
    } catch (error) {
      cause = error;
    }
  }
  throw new UnsupportedError("ffi", `libc was not found as ${paths.join(", ")}`, { cause });
}

function load(): Dialect {
  const machine = linuxMachine(process.platform, process.arch);
  // Not an import: other runtimes, which refuse `bun:` specifiers, can then load this module and report an error.
  const ffi = process.getBuiltinModule?.("bun:ffi") as BunFFI | undefined;
  if (ffi === undefined) throw new UnsupportedError("ffi", "the host of Bun needs Bun, and this is another runtime");
  const declare = openLibc(ffi);
  const ioctl = declare("ioctl", ["i32", "i32", "ptr"], "i32") as Dialect["ioctl"];
  const errnoLocation = declare("__errno_location", [], "ptr")() as number;
  const { ptr, read } = ffi;

  return {
    machine,
    nullPointer: 0,
    types: { int: "i32", ulong: "u64_fast", size_t: "u64_fast", ssize_t: "i64_fast", pointer: "ptr", string: "ptr" },
    declare,
    encode: { string: (text) => new TextEncoder().encode(`${text}\0`) },
    decode: Number,
    errno: () => read.i32(errnoLocation, 0),
    // A request above 2 ** 31 is faster as the negative number with the same bits.
    ioctl: (fd, request, argument) => ioctl(fd, request | 0, argument),
    addressOf(bytes) {
      // A view of up to 1000 bytes is in the engine's own heap, and moves out of it when its buffer is first accessed.
      // Accessing the buffer first makes the address permanent.
      bufferOf(bytes);
      return ptr(bytes);
    },
    warn: (message) => process.emitWarning(message, "CryptodevWarning"),
  };
}
