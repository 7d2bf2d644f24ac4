import type { Machine } from "../abi/machine.ts";
import type { Address } from "../memory/argument.ts";
import type { Host } from "./host.ts";

/** The types of C that system calls use, and the values that stand for them. */
export interface CTypes {
  /** `int` */
  int: number;
  /** `unsigned long` */
  ulong: number;
  /** As wide as a pointer. */
  size_t: number;
  /** As wide as a pointer, and signed. */
  ssize_t: number;
  /** A pointer to memory that the caller keeps alive. */
  pointer: Address;
  /** `const char *`: a text in UTF-8, which stays alive during the call. */
  string: string;
}

/** The declaration of a parameter: its name in the manual page, and its type. */
export type Parameter = `${string}: ${keyof CTypes}`;

/** The declaration of a function of libc. */
export interface Signature {
  /** Its parameters, in order. */
  readonly parameters: readonly Parameter[];
  /** The type that it returns; -1 means an error. */
  readonly result: "int" | "ssize_t";
}

/** Declarations of functions of libc, by name. */
export type Signatures = Readonly<Record<string, Signature>>;

/** The arguments of a function, as its parameters declare them. */
export type Values<P extends readonly Parameter[]> = {
  readonly [Index in keyof P]: P[Index] extends `${string}: ${infer Type extends keyof CTypes}` ? CTypes[Type] : never;
};

/**
 * The functions that a table declares. Each returns what C returned, or the negative error number (`-22` for EINVAL) if
 * that was -1.
 */
export type LibcFunctions<S extends Signatures> = {
  readonly [Name in keyof S]: (...values: Values<S[Name]["parameters"]>) => number;
};

/**
 * What differs between runtimes in how they call libc. Each package of a runtime exports one, which belongs to the
 * thread that called it.
 */
export interface Dialect {
  /** The machine that the runtime was built for. */
  readonly machine: Machine;
  /** NULL, in the form that pointers have in this runtime. */
  readonly nullPointer: Address;
  /** The runtime's names of the types. */
  readonly types: Readonly<Record<keyof CTypes, string>>;
  /** Returns a function of libc, whose types have the runtime's names. */
  declare(name: string, parameters: readonly string[], result: string): (...values: readonly unknown[]) => unknown;
  /** Converts the arguments of those types that the runtime does not accept as they are. */
  readonly encode: { readonly [Type in keyof CTypes]?: (value: CTypes[Type]) => unknown };
  /** Converts a result to a number. */
  decode(returned: unknown, type: Signature["result"]): number;
  /** Returns the error number of the previous call in this thread, if no other call was made since. */
  errno(): number;
  /** `ioctl(2)` without conversions, as fast as the runtime can call it. Returns what C returned. */
  ioctl(fd: number, request: number, argument: Address): number;
  /** Returns the address of the first byte; see {@link Host.addressOf}. */
  addressOf(bytes: Uint8Array): Address;
  /** Warns the user; see {@link Host.warn}. */
  warn(message: string): void;
}

/** The rule of libc: -1 means that `errno` has the reason. It is read at once, before anything can overwrite it. */
function settle(result: number, errno: () => number): number {
  return result < 0 ? -errno() : result;
}

type Encoder = (value: unknown) => unknown;

const same: Encoder = (value) => value;

/**
 * Returns a function that calls a foreign one. Without rest parameters, because an array for the arguments takes longer than
 * the call: those with three and six parameters transfer messages and memory.
 */
function callOf(
  foreign: (...values: readonly unknown[]) => unknown,
  encoders: readonly Encoder[],
  finish: (returned: unknown) => number,
): (...values: unknown[]) => number {
  const [a = same, b = same, c = same, d = same, e = same, f = same] = encoders;
  switch (encoders.length) {
    case 3:
      return (u, v, w) => finish(foreign(a(u), b(v), c(w)));
    case 6:
      return (u, v, w, x, y, z) => finish(foreign(a(u), b(v), c(w), d(x), e(y), f(z)));
    default:
      return (...values) => finish(foreign(...encoders.map((encoder, index) => encoder(values[index]))));
  }
}

/**
 * Binds functions of libc that are not part of {@link Host}.
 *
 * @param signatures - the functions, as their manual pages declare them
 * @param dialect - how the runtime calls them
 * @returns the functions. They are typed as declared, and return results as {@link Host} does
 * @throws {Error} of the runtime if libc does not have one of the functions
 * @example
 * ```ts
 * import { bind } from "cryptodev/host";
 *
 * // bindUmask(dialect()).umask(0o022), with the dialect of the package for the runtime.
 * const bindUmask = bind.bind(undefined, { umask: { parameters: ["mask: int"], result: "int" } });
 * console.log(bindUmask.length); // 1
 * ```
 */
export function bind<const S extends Signatures>(signatures: S, dialect: Dialect): LibcFunctions<S> {
  const { types, encode, decode, errno } = dialect;
  const functions = Object.entries<Signature>(signatures).map(([name, { parameters, result }]) => {
    const accepted = parameters.map((parameter) => parameter.slice(parameter.indexOf(": ") + 2) as keyof CTypes);
    const names = accepted.map((type) => types[type]);
    const foreign = dialect.declare(name, names, types[result]);
    const encoders = accepted.map((type) => (encode[type] ?? same) as Encoder);
    const finish = (returned: unknown): number => settle(decode(returned, result), errno);
    return [name, callOf(foreign, encoders, finish)];
  });
  return Object.fromEntries(functions);
}

const signatures = {
  open: { parameters: ["path: string", "flags: int"], result: "int" },
  close: { parameters: ["fd: int"], result: "int" },
  poll: { parameters: ["fds: pointer", "nfds: ulong", "timeout: int"], result: "int" },
} as const;

/**
 * Creates the host of a runtime.
 *
 * @param dialect - how the runtime calls libc
 * @returns a host of this thread
 * @throws {Error} of the runtime if libc does not have one of the functions
 */
export function libcHost(dialect: Dialect): Host {
  const { machine, nullPointer, errno, ioctl } = dialect;
  const { open, close, poll } = bind(signatures, dialect);
  return {
    backend: "kernel",
    machine,
    open,
    close,
    // Not bound like the others: every operation calls it, and a bound function creates an array for its arguments.
    ioctl(fd, request, argument) {
      return settle(ioctl(fd, request, argument === null ? nullPointer : argument.address), errno);
    },
    poll: (pollfd, timeout) => poll(pollfd.address, 1, timeout),
    addressOf: dialect.addressOf,
    warn: dialect.warn,
  };
}

/**
 * Lists where Linux systems keep libc, most likely first: the bare name, which the dynamic linker resolves, then the
 * absolute paths of Debian, Fedora, Arch and musl, for runtimes that grant permissions by path.
 *
 * @param arch - the machine's name as Linux spells it, such as `x86_64` or `aarch64`
 * @returns names for `dlopen(3)`
 */
export function libcPaths(arch: string): readonly string[] {
  return [
    "libc.so.6",
    `/lib/${arch}-linux-gnu/libc.so.6`,
    `/usr/lib/${arch}-linux-gnu/libc.so.6`,
    "/lib64/libc.so.6",
    "/usr/lib/libc.so.6",
    `/lib/ld-musl-${arch}.so.1`,
  ];
}
