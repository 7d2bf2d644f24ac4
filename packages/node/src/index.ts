/**
 * The {@link @cryptodev/core!Host | Host} of Node.js. It calls libc through the built-in node:ffi if that exists and
 * works, else through koffi.
 *
 * @module @cryptodev/node
 */
import { type Address, type LibcHost, linuxMachine } from "@cryptodev/core";
import { koffiLibc } from "./koffi.ts";
import { nodeFfiLibc } from "./node_ffi.ts";

/**
 * Returns the host that calls libc. The first call in each thread loads libc.
 *
 * @returns one host for each thread
 * @throws {UnsupportedError} if the system is not Linux, koffi is missing for this platform, or the architecture is
 * unknown
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

// Module state exists once per worker, as do libc's errno and the addresses of memory.
let host: LibcHost | undefined;

function load(): LibcHost {
  const machine = linuxMachine(process.platform, process.arch);
  const libc = nodeFfiLibc() ?? koffiLibc();
  const { open, close, ioctl, poll, read, write, mount, umount2, processVmReadv, processVmWritev, errno } = libc;
  // NULL, in the form that this interface accepts without a conversion.
  const nothing: Address = typeof libc.addressOf(new Uint8Array(1)) === "bigint" ? 0n : 0;

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
      const result = ioctl(fd, request, argument === null ? nothing : argument.address);
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
    processVmReadv(pid, local, remote, remotes) {
      const result = processVmReadv(pid, local.address, remote.address, remotes);
      return result < 0 ? -errno() : result;
    },
    processVmWritev(pid, local, remote, remotes) {
      const result = processVmWritev(pid, local.address, remote.address, remotes);
      return result < 0 ? -errno() : result;
    },
    addressOf: libc.addressOf,
    warn: (message) => process.emitWarning(message, "CryptodevWarning"),
  };
}
