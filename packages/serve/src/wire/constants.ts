/* Constants of the protocol, under the names of the kernel's <linux/fuse.h>. */

/** The version that the server speaks. Kernels with a later version fall back to it. */
export const FUSE_KERNEL_VERSION = 7;
export const FUSE_KERNEL_MINOR_VERSION = 31;

/** What a request asks for. */
export const opcodes = {
  FUSE_FORGET: 2,
  FUSE_GETATTR: 3,
  FUSE_SETATTR: 4,
  FUSE_OPEN: 14,
  FUSE_READ: 15,
  FUSE_WRITE: 16,
  FUSE_STATFS: 17,
  FUSE_RELEASE: 18,
  FUSE_FSYNC: 20,
  FUSE_INIT: 26,
  FUSE_INTERRUPT: 36,
  FUSE_IOCTL: 39,
  FUSE_POLL: 40,
  FUSE_BATCH_FORGET: 42,
  CUSE_INIT: 4096,
} as const;

/** Reads and writes go to the server, not to the kernel's page cache. */
export const FOPEN_DIRECT_IO = 1;
export const FOPEN_NONSEEKABLE = 4;

/** The caller is a 32-bit program on a 64-bit kernel. */
export const FUSE_IOCTL_32BIT = 8;

/** The caller sleeps until an event occurs. */
export const FUSE_POLL_SCHEDULE_NOTIFY = 1;
export const FUSE_NOTIFY_POLL = 1;

/** FATTR_MODE, FATTR_UID and FATTR_GID combined: changes that a caller would expect to last. */
export const FATTR_LASTING = 7;

/** FATTR_SIZE and FATTR_FH: `ftruncate(2)`. Opening with O_TRUNC sets only the first. */
export const FATTR_FTRUNCATE = 0x48;
