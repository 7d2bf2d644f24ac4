import { errnos } from "@cryptodev/core/abi";
import { type Address, bind, type Dialect, libcHost } from "@cryptodev/core/host";

/** A function of a library. It accepts and returns what its declaration says. */
type ForeignFunction = (...values: readonly unknown[]) => unknown;

/** The part of the module `node:ffi` that is used here. */
interface NodeFFI {
  dlopen(
    library: null,
    symbols: Readonly<Record<string, { readonly arguments: readonly string[]; readonly return: string }>>,
  ): { readonly functions: Readonly<Record<string, ForeignFunction>> };
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

/**
 * Returns how libc is called through node:ffi, which Node.js 26 and newer have; `undefined` if it is missing or does
 * not work as expected.
 */
export function nodeFfiDialect(runtime: Pick<Dialect, "machine" | "warn">): Dialect | undefined {
  const ffi = loadModule();
  if (ffi === undefined) return undefined;
  try {
    const dialect = dialectOf(ffi, runtime);
    return isProven(dialect) ? dialect : undefined;
  } catch {
    return undefined;
  }
}

const toPointer = (value: number): bigint => BigInt.asUintN(64, BigInt(value));

function dialectOf(ffi: NodeFFI, { machine, warn }: Pick<Dialect, "machine" | "warn">): Dialect {
  const declare: Dialect["declare"] = (name, parameters, result) =>
    ffi.dlopen(null, { [name]: { arguments: parameters, return: result } }).functions[name] as ForeignFunction;
  const ioctl = declare("ioctl", ["pointer", "pointer", "pointer"], "pointer") as (
    fd: bigint,
    request: bigint,
    argument: Address,
  ) => bigint;
  const errnoLocation = declare("__errno_location", [], "pointer")() as bigint;
  const errnoWord = new Int32Array(ffi.toArrayBuffer(errnoLocation, 4, false));
  // Cached, because a session sends the same request to the same descriptor again and again.
  let [lastFd, lastRequest, fdPointer, requestPointer] = [0, 0, 0n, 0n];
  return {
    machine,
    nullPointer: 0n,
    // Pointers and BigInts only: any other type, or a Number, makes node:ffi thirty times slower.
    types: {
      int: "pointer",
      ulong: "pointer",
      size_t: "pointer",
      ssize_t: "pointer",
      pointer: "pointer",
      string: "pointer",
    },
    declare,
    encode: {
      int: toPointer,
      ulong: toPointer,
      size_t: toPointer,
      ssize_t: toPointer,
      // NULL, or an address that was computed.
      pointer: (value) => (typeof value === "number" ? toPointer(value) : value),
      string: (text) => new TextEncoder().encode(`${text}\0`),
    },
    // The upper half of an `int` that was returned as a pointer is undefined.
    decode: (returned, type) => Number(BigInt.asIntN(type === "int" ? 32 : 64, returned as bigint)),
    errno: () => errnoWord[0] as number,
    ioctl(fd, request, argument) {
      if (fd !== lastFd) {
        lastFd = fd;
        fdPointer = toPointer(fd);
      }
      if (request !== lastRequest) {
        lastRequest = request;
        requestPointer = BigInt(request);
      }
      return Number(BigInt.asIntN(32, ioctl(fdPointer, requestPointer, argument)));
    },
    addressOf: ffi.getRawPointer,
    warn,
  };
}

const proof = { read: { parameters: ["fd: int", "buf: pointer", "count: size_t"], result: "ssize_t" } } as const;

/** Tests what a host relies on: arguments, results and error numbers arrive, and addresses are those of the bytes. */
function isProven(dialect: Dialect): boolean {
  const [host, { read }] = [libcHost(dialect), bind(proof, dialect)];
  const bytes = new Uint8Array(new ArrayBuffer(8));
  const isRefused = dialect.ioctl(-1, 0xc0306368, dialect.addressOf(bytes)) === -1 && dialect.errno() === errnos.EBADF;
  const zero = host.open("/dev/zero", 0);
  bytes.fill(255);
  const hasArrived =
    read(zero, dialect.addressOf(bytes.subarray(2)), 4) === 4 && bytes.join() === "255,255,0,0,0,0,255,255";
  return host.close(zero) === 0 && isRefused && hasArrived;
}
