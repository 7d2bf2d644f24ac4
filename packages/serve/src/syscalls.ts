import { bind, type Host, type LibcFunctions, libcHost } from "@cryptodev/core/host";
import { dialect } from "#libc";

/*
 * The system calls of a server, as their manual pages declare them, and their flags under the names of <sys/mount.h>
 * and <fcntl.h>.
 */

const signatures = {
  read: { parameters: ["fd: int", "buf: pointer", "count: size_t"], result: "ssize_t" },
  write: { parameters: ["fd: int", "buf: pointer", "count: size_t"], result: "ssize_t" },
  mount: {
    parameters: ["source: string", "target: string", "type: string", "flags: ulong", "data: string"],
    result: "int",
  },
  umount2: { parameters: ["target: string", "flags: int"], result: "int" },
  process_vm_readv: {
    parameters: ["pid: int", "local: pointer", "locals: ulong", "remote: pointer", "remotes: ulong", "flags: ulong"],
    result: "ssize_t",
  },
  process_vm_writev: {
    parameters: ["pid: int", "local: pointer", "locals: ulong", "remote: pointer", "remotes: ulong", "flags: ulong"],
    result: "ssize_t",
  },
  getpagesize: { parameters: [], result: "int" },
  fcntl: { parameters: ["fd: int", "cmd: int", "arg: int"], result: "int" },
  ppoll: { parameters: ["fds: pointer", "nfds: ulong", "timeout: pointer", "sigmask: pointer"], result: "int" },
  eventfd: { parameters: ["initval: int", "flags: int"], result: "int" },
  syscall: {
    parameters: ["number: ulong", "a: ulong", "b: ulong", "c: ulong", "d: ulong", "e: ulong"],
    result: "ssize_t",
  },
} as const;

export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MS_NOEXEC = 8;
export const MS_BIND = 4096;
export const MS_REC = 16384;

export const F_SETFL = 4;

export const MNT_DETACH = 2;
export const UMOUNT_NOFOLLOW = 8;

/** The same on all machines that the library supports, except for SPARC. */
export const O_PATH = 0o10000000;

/** What a server needs of libc. Results are those of {@link Host}: a call that failed returns a negative error number. */
export type ServerHost = Host & LibcFunctions<typeof signatures>;

/**
 * Returns the host of this thread, with the system calls of a server.
 *
 * @throws {UnsupportedError} if libc cannot be reached
 */
export function serverHost(): ServerHost {
  return { ...libcHost(dialect()), ...bind(signatures, dialect()) };
}
