import { freezeTable } from "./frozen.ts";

/**
 * The error numbers that the device, or a system call used to reach it, can return (`asm-generic/errno.h`; MIPS and
 * SPARC number some of them differently).
 */
export const errnos = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  EROFS: 30,
  EDEADLK: 35,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ELOOP: 40,
  EBADMSG: 74,
  EOVERFLOW: 75,
  EOPNOTSUPP: 95,
  ECONNABORTED: 103,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECANCELED: 125,
  ENOTRECOVERABLE: 131,
} as const;

freezeTable(errnos);

/** The name of an error number, such as `"EINVAL"`. */
export type ErrnoName = keyof typeof errnos;

const names = new Map<number, ErrnoName>(Object.entries(errnos).map(([name, number]) => [number, name as ErrnoName]));

/**
 * Returns the name of an error number.
 *
 * @returns the C name, or `E` and the number if it is not in {@link errnos}
 * @example
 * ```ts
 * import { errnoName } from "cryptodev/abi";
 *
 * console.log(errnoName(22)); // EINVAL
 * ```
 */
export function errnoName(errno: number): ErrnoName | `E${number}` {
  return names.get(errno) ?? `E${errno}`;
}
