/* Numbers of the protocol, under the names of the kernel's <linux/fuse.h>. */

/** The version that is spoken here. Kernels that speak a later one keep to it. */
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

/** Reads and writes go to the server rather than to pages of the kernel. */
export const FOPEN_DIRECT_IO = 1;
export const FOPEN_NONSEEKABLE = 4;

/** The caller is a 32-bit program on a 64-bit kernel. */
export const FUSE_IOCTL_32BIT = 8;

/** Somebody is asleep until an event comes. */
export const FUSE_POLL_SCHEDULE_NOTIFY = 1;
export const FUSE_NOTIFY_POLL = 1;

/** FATTR_MODE, FATTR_UID and FATTR_GID at once: changes that a caller would expect to last. */
export const FATTR_LASTING = 7;

/** FATTR_SIZE and FATTR_FH: `ftruncate(2)`, where opening with O_TRUNC has the first only. */
export const FATTR_FTRUNCATE = 0x48;
