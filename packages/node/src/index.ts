/**
 * The {@link cryptodev/host!Host | Host} of Node.js. It calls libc through the built-in node:ffi if that exists and
 * works, else through koffi.
 *
 * @module @cryptodev/node
 */
import { type Dialect, type Host, libcHost, linuxMachine } from "@cryptodev/core/host";
import { koffiDialect } from "./koffi.ts";
import { nodeFfiDialect } from "./node_ffi.ts";

/**
 * Returns the host that calls libc. The first call in each thread loads libc.
 *
 * @returns one host for each thread
 * @throws {UnsupportedError} if the system is not Linux, koffi is missing for this platform, or the architecture is
 * unknown
 * @example
 * ```ts
 * import { nodeHost } from "cryptodev/node";
 *
 * console.log(nodeHost().open("/nowhere/crypto", 2)); // -2, which is ENOENT
 * ```
 */
export function nodeHost(): Host {
  host ??= libcHost(dialect());
  return host;
}

/**
 * Returns how Node.js calls libc, with which {@link cryptodev/host!bind | bind()} declares functions that a host does
 * not have. The first call in each thread loads libc.
 *
 * @returns one dialect for each thread
 * @throws {UnsupportedError} if the system is not Linux, koffi is missing for this platform, or the architecture is
 * unknown
 * @example
 * ```ts
 * import { bind } from "cryptodev/host";
 * import { dialect } from "cryptodev/node";
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

function load(): Dialect {
  const machine = linuxMachine(process.platform, process.arch);
  const warn = (message: string): void => process.emitWarning(message, "CryptodevWarning");
  return nodeFfiDialect({ machine, warn }) ?? koffiDialect({ machine, warn });
}
