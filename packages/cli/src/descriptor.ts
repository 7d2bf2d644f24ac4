import { constants, existsSync, readdirSync, readFileSync, readlinkSync, readSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import { getSystemErrorMap } from "node:util";
import type { Argument, LibcFunctions } from "@cryptodev/core/host";

/*
 * Descriptors that the parent process opened. Each of them may be non-blocking: a call that would have to wait then
 * fails with EAGAIN.
 */

/** How many milliseconds to wait before a call that failed with EAGAIN is repeated. */
export const PAUSE = 10;

/** Blocks this thread for {@link PAUSE}. */
export function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
}

function openFlagsOf(descriptor: number): number {
  try {
    const [, flags = "0"] = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8")) ?? [];
    return Number.parseInt(flags, 8);
  } catch {
    // There is no /proc, or the descriptor was closed.
    return 0;
  }
}

const deno =
  "Deno" in globalThis
    ? { ...(await import("@cryptodev/core/host")), ...(await import("@cryptodev/deno")) }
    : undefined;
const ROOM = { name: "room", fields: [["bytes", "char", 2 ** 16]] } as const;
const signatures = {
  read: { parameters: ["fd: int", "buf: pointer", "count: size_t"], result: "ssize_t" },
  write: { parameters: ["fd: int", "buf: pointer", "count: size_t"], result: "ssize_t" },
} as const;
let loaded: (LibcFunctions<typeof signatures> & { readonly room: Argument<typeof ROOM> }) | undefined;

/** Deno's libc, and memory that its calls read and write. */
function libc(): NonNullable<typeof loaded> {
  const { Argument, bind, denoHost, dialect } = deno as NonNullable<typeof deno>;
  loaded ??= { ...bind(signatures, dialect()), room: new Argument(denoHost(), ROOM) };
  return loaded;
}

/**
 * Returns the result of a call.
 *
 * @throws {Error} if the call failed, with its code and syscall
 */
function checked(syscall: "read" | "write", result: number): number {
  if (result >= 0) return result;
  const [code, text] = getSystemErrorMap().get(result) ?? [`error ${-result}`, ""];
  throw Object.assign(new Error(text), { code, syscall });
}

/** Calls `read(2)`. Deno's own function reads only standard input and descriptors that Deno opened. */
export function readFrom(descriptor: number, target: Uint8Array): number {
  if (deno === undefined || descriptor === 0) return readSync(descriptor, target, 0, target.length, null);
  const { read, room } = libc();
  try {
    const count = Math.min(checked("read", read(descriptor, room.address, room.bytes.length)), target.length);
    target.set(room.bytes.subarray(0, count));
    return count;
  } finally {
    room.bytes.fill(0);
  }
}

/** Calls `write(2)`. Deno's own function fails with EAGAIN even if a part was written. */
export function writeTo(descriptor: number, bytes: Uint8Array): number {
  if (deno === undefined || (openFlagsOf(descriptor) & constants.O_NONBLOCK) === 0) return writeSync(descriptor, bytes);
  const { write, room } = libc();
  const count = Math.min(bytes.length, room.bytes.length);
  room.bytes.set(bytes.subarray(0, count));
  try {
    return checked("write", write(descriptor, room.address, count));
  } finally {
    room.bytes.fill(0);
  }
}

/** Returns the descriptor that a file name such as `/dev/fd/3` refers to; `undefined` if it does not refer to one. */
export function descriptorNamed(file: string): number | undefined {
  const [, number] = /^\/(?:dev|proc\/self)\/fd\/(\d{1,9})$/.exec(file) ?? [];
  if (number !== undefined) return Number(number);
  return file === "/dev/stdin" ? 0 : undefined;
}

/** Whether a descriptor was opened by the parent process, and not by the runtime for itself, and may contain a key. */
export function isInherited(descriptor: number): boolean {
  if (!existsSync("/proc/self/fd")) return true;
  const all = openDescriptors();
  // An empty key is a mistake.
  return all.get(descriptor) !== "/dev/null" && isOfParent(descriptor, all);
}

/** Returns the descriptors that the parent process opened, except for the standard streams. */
export function inheritedDescriptors(): readonly number[] {
  if (!existsSync("/proc/self/fd")) return [];
  const all = openDescriptors();
  const inherited = [...all.keys()].filter((descriptor) => descriptor > 2 && isOfParent(descriptor, all));
  // Runtimes open the terminal of a standard stream again, and /dev/null, after they have created their first anonymous
  // inode. Nothing else distinguishes these descriptors from inherited ones.
  const first = Math.min(...[...all.keys()].filter((descriptor) => all.get(descriptor)?.startsWith(ANONYMOUS)));
  return inherited.filter(
    (descriptor) => descriptor < first || !(all.get(descriptor) === "/dev/null" || isatty(descriptor)),
  );
}

/** How the target of a descriptor starts if it has no name, such as the one that `epoll_create(2)` returns. */
const ANONYMOUS = "anon_inode:";

/** Returns the open descriptors, and what they lead to. */
function openDescriptors(): ReadonlyMap<number, string | undefined> {
  return new Map(readdirSync("/proc/self/fd").map((name) => [Number(name), targetOf(name)]));
}

/** Whether a descriptor was opened by the parent process, and not by the runtime for itself. */
function isOfParent(descriptor: number, all: ReadonlyMap<number, string | undefined>): boolean {
  const own = all.get(descriptor);
  // Runtimes wait for events on anonymous inodes, which contain no data.
  if (own === undefined || own.startsWith(ANONYMOUS)) return false;
  // The other runtimes set this flag for all descriptors.
  if ("Deno" in globalThis && isClosedByExec(descriptor)) return false;
  if (!own.startsWith("pipe:")) return true;
  // If both ends of a pipe are open in this process, the pipe belongs to the runtime.
  const ends = [...all].filter(([, target]) => target === own).map(([end]) => end);
  return ends.every(isWritable) || !ends.some(isWritable);
}

function targetOf(descriptor: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    // The descriptor with which the list itself was read.
    return undefined;
  }
}

const isWritable = (descriptor: number): boolean =>
  (openFlagsOf(descriptor) & (constants.O_WRONLY | constants.O_RDWR)) !== 0;

const isClosedByExec = (descriptor: number): boolean => (openFlagsOf(descriptor) & 0o2000000) !== 0;
