import { constants, existsSync, readdirSync, readFileSync, readlinkSync, readSync, writeSync } from "node:fs";
import { getSystemErrorMap } from "node:util";
import { Argument, type LibcHost } from "cryptodev";

/*
 * Descriptors that whoever started us opened. Any of them may be one that does not block: then a call that has to wait
 * fails with EAGAIN.
 */

/** After how many milliseconds a call that failed with EAGAIN is tried again. */
export const PAUSE = 10;

/** Sleeps for that time. */
export function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
}

function openFlagsOf(descriptor: number): number {
  try {
    const [, flags = "0"] = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8")) ?? [];
    return Number.parseInt(flags, 8);
  } catch {
    // Without /proc, or closed since.
    return 0;
  }
}

const deno = "Deno" in globalThis ? await import("@cryptodev/deno") : undefined;
const ROOM = { name: "room", fields: [["bytes", "char", 2 ** 16]] } as const;
let room: Argument<typeof ROOM> | undefined;

/** Memory from which and to which libc writes and reads. */
function libc(): { readonly host: LibcHost; readonly room: Argument<typeof ROOM> } {
  const host = (deno as NonNullable<typeof deno>).denoHost();
  room ??= new Argument(host, ROOM);
  return { host, room };
}

/** What a call returned, unless that is an error. */
function checked(syscall: "read" | "write", result: number): number {
  if (result >= 0) return result;
  const [code, text] = getSystemErrorMap().get(result) ?? [`error ${-result}`, ""];
  throw Object.assign(new Error(text), { code, syscall });
}

/** `read(2)`. Deno's own reads no descriptor but standard input that Deno did not open. */
export function readFrom(descriptor: number, target: Uint8Array): number {
  if (deno === undefined || descriptor === 0) return readSync(descriptor, target, 0, target.length, null);
  const { host, room } = libc();
  try {
    const count = Math.min(checked("read", host.read(descriptor, room)), target.length);
    target.set(room.bytes.subarray(0, count));
    return count;
  } finally {
    room.bytes.fill(0);
  }
}

/** `write(2)`. Deno's own fails with EAGAIN even if a part is written. */
export function writeTo(descriptor: number, bytes: Uint8Array): number {
  if (deno === undefined || (openFlagsOf(descriptor) & constants.O_NONBLOCK) === 0) return writeSync(descriptor, bytes);
  const { host, room } = libc();
  const count = Math.min(bytes.length, room.bytes.length);
  room.bytes.set(bytes.subarray(0, count));
  try {
    return checked("write", host.write(descriptor, room, count));
  } finally {
    room.bytes.fill(0);
  }
}

/** Whether whoever started us opened a descriptor, and not the runtime for itself. */
export function isInherited(descriptor: number): boolean {
  if (!existsSync("/proc/self/fd")) return true;
  const all = new Map(readdirSync("/proc/self/fd").map((name) => [Number(name), targetOf(name)]));
  const own = all.get(descriptor);
  // A key comes from no event, and an empty one is a mistake.
  if (own === undefined || own.startsWith("anon_inode:") || own === "/dev/null") return false;
  // The others set it for all descriptors.
  if ("Deno" in globalThis && isClosedByExec(descriptor)) return false;
  // Nobody but us writes to a pipe of which we have the other end.
  return !(own.startsWith("pipe:") && [...all].some(([other, target]) => target === own && isWritable(other)));
}

function targetOf(descriptor: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    // That which the list was read from.
    return undefined;
  }
}

const isWritable = (descriptor: number): boolean =>
  (openFlagsOf(descriptor) & (constants.O_WRONLY | constants.O_RDWR)) !== 0;

const isClosedByExec = (descriptor: number): boolean => (openFlagsOf(descriptor) & 0o2000000) !== 0;
