/**
 * The {@link @cryptodev/core!Host | Host} of Node.js: libc through the built-in node:ffi where that is there and does as it
 * should, else koffi.
 *
 * @module @cryptodev/node
 */
import { type Address, type LibcHost, linuxMachine } from "@cryptodev/core";
import { koffiLibc } from "./koffi.ts";
import { nodeFfiLibc } from "./node_ffi.ts";

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
  const machine = linuxMachine(process.platform, process.arch);
  const libc = nodeFfiLibc() ?? koffiLibc();
  const { open, close, ioctl, poll, read, write, mount, umount2, processVmReadv, processVmWritev, errno } = libc;
  // In the form that this interface takes without converting it.
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
