/**
 * The {@link cryptodev/host!Host | Host} of Deno: libc through `Deno.dlopen`.
 *
 * It needs `--allow-ffi`. To allow only libc, give its absolute path: `--allow-ffi=/lib/x86_64-linux-gnu/libc.so.6`.
 *
 * @module @cryptodev/deno
 */
import { UnsupportedError } from "@cryptodev/core";
import { type Dialect, type Host, libcHost, libcPaths, linuxMachine } from "@cryptodev/core/host";
import type { DenoNamespace, ForeignFunction, Globals } from "./types.ts";

/**
 * Returns the host that calls libc. The first call in each thread loads libc.
 *
 * @returns one host for each thread
 * @throws {UnsupportedError} if the runtime is not Deno, the system is not Linux, the permission to call libc is
 * missing, or the architecture is unknown
 * @example
 * ```ts
 * import { denoHost } from "cryptodev/deno";
 *
 * console.log(denoHost().open("/nowhere/crypto", 2)); // -2, which is ENOENT
 * ```
 */
export function denoHost(): Host {
  host ??= libcHost(dialect());
  return host;
}

/**
 * Returns how Deno calls libc, with which {@link cryptodev/host!bind | bind()} declares functions that a host does not
 * have. The first call in each thread loads libc.
 *
 * @returns one dialect for each thread
 * @throws {UnsupportedError} if the runtime is not Deno, the system is not Linux, the permission to call libc is
 * missing, or the architecture is unknown
 * @example
 * ```ts
 * import { bind } from "cryptodev/host";
 * import { dialect } from "cryptodev/deno";
 *
 * const { getppid } = bind({ getppid: { parameters: [], result: "int" } }, dialect());
 * console.log(getppid() === Deno.ppid);
 * ```
 */
export function dialect(): Dialect {
  loaded ??= load();
  return loaded;
}

// Module state exists once per worker, as do libc's errno and the addresses of memory.
let host: Host | undefined;
let loaded: Dialect | undefined;

const { Deno, console, TextEncoder } = globalThis as unknown as Globals;

/** Returns a function that looks up functions of libc. */
function openLibc(deno: DenoNamespace): Dialect["declare"] {
  const paths = libcPaths(deno.build.arch);
  const isGranted = (path?: string) =>
    deno.permissions.querySync(path === undefined ? { name: "ffi" } : { name: "ffi", path }).state === "granted";
  const granted = isGranted() ? paths : paths.filter((path) => path.startsWith("/") && isGranted(path));
  // If no permission is granted, trying the most likely path makes Deno prompt for it, or report what is missing.
  const tried = granted.length > 0 ? granted : paths.slice(1, 2);
  let cause: unknown;
  for (const path of tried) {
    try {
      deno.dlopen(path, { __errno_location: { parameters: [], result: "u64" } });
      return (name, parameters, result) =>
        deno.dlopen(path, { [name]: { parameters, result } }).symbols[name] as ForeignFunction;
    } catch (error) {
      cause = error;
    }
  }
  if (granted.length > 0) throw new UnsupportedError("ffi", `libc was not found as ${tried.join(", ")}`, { cause });
  const remedy = `run it with --allow-ffi, or --allow-ffi=${tried[0]} for libc only`;
  throw new UnsupportedError("ffi", "Deno is not permitted to call libc", { cause, remedy });
}

function load(): Dialect {
  if (Deno === undefined) throw new UnsupportedError("ffi", "the host of Deno needs Deno, and this is another runtime");
  const machine = linuxMachine(Deno.build.os, Deno.build.arch);
  const declare = openLibc(Deno);
  const memcpy = declare("memcpy", ["buffer", "u64", "u64"], "u64") as (
    target: Uint8Array,
    source: bigint,
    size: bigint,
  ) => bigint;
  const errnoLocation = declare("__errno_location", [], "u64")() as bigint;
  const errnoBytes = new Uint8Array(4);
  const errnoWord = new Int32Array(errnoBytes.buffer);

  return {
    machine,
    nullPointer: 0n,
    // Integers and buffers only: Deno's pointer classes would require the permission for all libraries.
    types: { int: "i32", ulong: "u64", size_t: "u64", ssize_t: "i64", pointer: "u64", string: "buffer" },
    declare,
    // A Number in a 64-bit parameter takes Deno off its fast path.
    encode: { ulong: BigInt, size_t: BigInt, ssize_t: BigInt, string: (text) => new TextEncoder().encode(`${text}\0`) },
    decode: Number,
    errno() {
      memcpy(errnoBytes, errnoLocation, 4n);
      return errnoWord[0] as number;
    },
    ioctl: declare("ioctl", ["i32", "u32", "u64"], "i32") as Dialect["ioctl"],
    // memcpy returns its destination, so copying no bytes returns the buffer's address, as a BigInt.
    addressOf: (bytes) => memcpy(bytes, 0n, 0n),
    warn: (message) => console.warn(`CryptodevWarning: ${message}`),
  };
}
