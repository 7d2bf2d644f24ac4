import { errnos } from "@cryptodev/core";
import type { Libc } from "./libc.ts";

/** The part of the module `node:ffi` that is used here. */
interface NodeFFI {
  dlopen<Name extends string>(
    library: null,
    symbols: Readonly<Record<Name, { readonly arguments: readonly string[]; readonly return: string }>>,
  ): { readonly functions: Readonly<Record<Name, (...values: bigint[]) => bigint>> };
  getRawPointer(bytes: Uint8Array): bigint;
  toArrayBuffer(address: bigint, size: number, copy: false): ArrayBuffer;
}

/** Loads the module and suppresses its warning that it is experimental: {@link isProven} tests whether it works. */
function loadModule(): NodeFFI | undefined {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule?.("node:ffi") as NodeFFI | undefined;
  } catch {
    return undefined;
  } finally {
    process.emitWarning = emitWarning;
  }
}

// Pointers and BigInts only: any other type, or a Number, makes node:ffi thirty times slower.
const pointers = (count: number) => ({ arguments: new Array<string>(count).fill("pointer"), return: "pointer" });
const symbols = {
  open: pointers(2),
  close: pointers(1),
  ioctl: pointers(3),
  poll: pointers(3),
  read: pointers(3),
  write: pointers(3),
  mount: pointers(5),
  umount2: pointers(2),
  process_vm_readv: pointers(6),
  process_vm_writev: pointers(6),
  __errno_location: pointers(0),
};

/** Converts an `int` that was returned as a pointer, whose upper half is undefined. */
const int = (value: bigint): number => Number(BigInt.asIntN(32, value));
/** Converts a `long` that was returned as a pointer. */
const long = (value: bigint): number => Number(BigInt.asIntN(64, value));

/**
 * Returns libc through node:ffi, which Node.js 26 and newer have; `undefined` if it is missing or does not work as
 * expected.
 */
export function nodeFfiLibc(): Libc | undefined {
  const ffi = loadModule();
  if (ffi === undefined) return undefined;
  try {
    const libc = functions(ffi);
    return isProven(libc) ? libc : undefined;
  } catch {
    return undefined;
  }
}

function functions(ffi: NodeFFI): Libc {
  const c = ffi.dlopen(null, symbols).functions;
  const { ioctl, process_vm_readv, process_vm_writev } = c;
  const errno = new Int32Array(ffi.toArrayBuffer(c.__errno_location(), 4, false));
  /** Calls a function with the addresses of strings, which stay alive until it returns. */
  const withStrings = (texts: readonly string[], call: (...addresses: bigint[]) => bigint): number => {
    const held = texts.map((text) => new TextEncoder().encode(`${text}\0`));
    const result = int(call(...held.map(ffi.getRawPointer)));
    // Reading them after the call keeps them alive during it.
    return held.every(({ length }) => length > 0) ? result : -1;
  };
  // Cached, because a session sends the same request to the same descriptor again and again.
  let [lastFd, lastRequest, fdPointer, requestPointer] = [0, 0, 0n, 0n];
  return {
    open: (path, flags) => withStrings([path], (address) => c.open(address as bigint, BigInt(flags))),
    close: (fd) => int(c.close(BigInt(fd))),
    ioctl(fd, request, address) {
      if (fd !== lastFd) {
        lastFd = fd;
        fdPointer = BigInt.asUintN(64, BigInt(fd));
      }
      if (request !== lastRequest) {
        lastRequest = request;
        requestPointer = BigInt(request);
      }
      return int(ioctl(fdPointer, requestPointer, address as bigint));
    },
    poll: (address, count, timeout) =>
      int(c.poll(address as bigint, BigInt(count), BigInt.asUintN(64, BigInt(timeout)))),
    read: (fd, address, size) => long(c.read(BigInt(fd), address as bigint, BigInt(size))),
    write: (fd, address, size) => long(c.write(BigInt(fd), address as bigint, BigInt(size))),
    mount: (source, target, type, flags, data) =>
      withStrings([source, target, type, data], (from, to, name, options) =>
        c.mount(from as bigint, to as bigint, name as bigint, BigInt(flags), options as bigint),
      ),
    umount2: (target, flags) => withStrings([target], (address) => c.umount2(address as bigint, BigInt(flags))),
    processVmReadv: (pid, local, remote, remotes) =>
      long(process_vm_readv(BigInt(pid), local as bigint, 1n, remote as bigint, BigInt(remotes), 0n)),
    processVmWritev: (pid, local, remote, remotes) =>
      long(process_vm_writev(BigInt(pid), local as bigint, 1n, remote as bigint, BigInt(remotes), 0n)),
    errno: () => errno[0] as number,
    addressOf: ffi.getRawPointer,
  };
}

/** Tests what a host relies on: arguments, results and error numbers arrive, and addresses are those of the bytes. */
function isProven(libc: Libc): boolean {
  const byte = new Uint8Array(new ArrayBuffer(8));
  const refused = libc.ioctl(-1, 0xc0306368, libc.addressOf(byte)) === -1 && libc.errno() === errnos.EBADF;
  const zero = libc.open("/dev/zero", 0);
  byte.fill(255);
  const arrived =
    libc.read(zero, libc.addressOf(byte.subarray(2)), 4) === 4 && byte.join() === "255,255,0,0,0,0,255,255";
  return libc.close(zero) === 0 && refused && arrived;
}
