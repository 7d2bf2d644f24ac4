/* The part of the protocol that the server uses, under the names of the kernel's <linux/fuse.h>. */

/** The version that the server speaks. Kernels with a later version fall back to it. */
export const FUSE_KERNEL_VERSION = 7;
export const FUSE_KERNEL_MINOR_VERSION = 31;

/** What a request asks for. */
const opcodes = {
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

/** The name of what a request asks for. */
export type Operation = keyof typeof opcodes;

const operations = new Map<number, Operation>(
  Object.entries(opcodes).map(([name, opcode]) => [opcode, name as Operation]),
);

/** Returns the name of an opcode; `undefined` if the server does not know it. */
export function operationOf(opcode: number): Operation | undefined {
  return operations.get(opcode);
}

/** Reads and writes go to the server, not to the kernel's page cache. */
export const FOPEN_DIRECT_IO = 1;
export const FOPEN_NONSEEKABLE = 4;
/** Closing a descriptor does not wait for the server (Linux 5.16), so that a process can always end. */
export const FOPEN_NOFLUSH = 32;

/** The caller is a 32-bit program on a 64-bit kernel. */
export const FUSE_IOCTL_COMPAT = 1;

/** The caller sleeps until an event occurs. */
export const FUSE_POLL_SCHEDULE_NOTIFY = 1;
export const FUSE_NOTIFY_POLL = 1;

/** FATTR_MODE, FATTR_UID and FATTR_GID combined: changes that a caller would expect to last. */
export const FATTR_LASTING = 7;

/** FATTR_SIZE and FATTR_FH: `ftruncate(2)`. Opening with O_TRUNC sets only the first. */
export const FATTR_FTRUNCATE = 0x48;

/**
 * Precedes every request: the operation, the node, and the caller. `pid` is the calling thread; 0 if it is not visible
 * from here.
 */
export const fuse_in_header = {
  name: "fuse_in_header",
  fields: [
    ["len", "u32"],
    ["opcode", "u32"],
    ["unique", "u64"],
    ["nodeid", "u64"],
    ["uid", "u32"],
    ["gid", "u32"],
    ["pid", "u32"],
    ["total_extlen", "u16"],
    ["padding", "u16"],
  ],
} as const;

/**
 * Precedes every reply; `error` is 0 or a negative error number. In a notification `unique` is 0, and `error` is its
 * kind.
 */
export const fuse_out_header = {
  name: "fuse_out_header",
  fields: [
    ["len", "u32"],
    ["error", "i32"],
    ["unique", "u64"],
  ],
} as const;

/** The server's protocol version and limits. */
export const fuse_init_out = {
  name: "fuse_init_out",
  fields: [
    ["major", "u32"],
    ["minor", "u32"],
    ["max_readahead", "u32"],
    ["flags", "u32"],
    ["max_background", "u16"],
    ["congestion_threshold", "u16"],
    ["max_write", "u32"],
    ["time_gran", "u32"],
    ["max_pages", "u16"],
    ["map_alignment", "u16"],
    ["flags2", "u32"],
    ["unused", "u32", 7],
  ],
} as const;

/** The server's protocol version, and the device to create; its name follows as `DEVNAME=crypto`. */
export const cuse_init_out = {
  name: "cuse_init_out",
  fields: [
    ["major", "u32"],
    ["minor", "u32"],
    ["unused", "u32"],
    ["flags", "u32"],
    ["max_read", "u32"],
    ["max_write", "u32"],
    ["dev_major", "u32"],
    ["dev_minor", "u32"],
    ["spare", "u32", 10],
  ],
} as const;

/** The number by which the kernel refers to the open file from now on. */
export const fuse_open_out = {
  name: "fuse_open_out",
  fields: [
    ["fh", "u64"],
    ["open_flags", "u32"],
    ["padding", "u32"],
  ],
} as const;

/** The last descriptor of an open file was closed. */
export const fuse_release_in = {
  name: "fuse_release_in",
  fields: [
    ["fh", "u64"],
    ["flags", "u32"],
    ["release_flags", "u32"],
    ["lock_owner", "u64"],
  ],
} as const;

/** An ioctl, followed by `in_size` bytes of what its argument points to. */
export const fuse_ioctl_in = {
  name: "fuse_ioctl_in",
  fields: [
    ["fh", "u64"],
    ["flags", "u32"],
    ["cmd", "u32"],
    ["arg", "u64"],
    ["in_size", "u32"],
    ["out_size", "u32"],
  ],
} as const;

/** How much is read, and from where. */
export const fuse_read_in = {
  name: "fuse_read_in",
  fields: [
    ["fh", "u64"],
    ["offset", "u64"],
    ["size", "u32"],
    ["read_flags", "u32"],
    ["lock_owner", "u64"],
    ["flags", "u32"],
    ["padding", "u32"],
  ],
} as const;

/** Where something is written, followed by the data. */
export const fuse_write_in = {
  name: "fuse_write_in",
  fields: [
    ["fh", "u64"],
    ["offset", "u64"],
    ["size", "u32"],
    ["write_flags", "u32"],
    ["lock_owner", "u64"],
    ["flags", "u32"],
    ["padding", "u32"],
  ],
} as const;

/** How much was written. */
export const fuse_write_out = {
  name: "fuse_write_out",
  fields: [
    ["size", "u32"],
    ["padding", "u32"],
  ],
} as const;

/** What `ioctl(2)` returns. */
export const fuse_ioctl_out = {
  name: "fuse_ioctl_out",
  fields: [
    ["result", "i32"],
    ["flags", "u32"],
    ["in_iovs", "u32"],
    ["out_iovs", "u32"],
  ],
} as const;

/** A caller received a signal while it waited for the reply to the request with this number. */
export const fuse_interrupt_in = {
  name: "fuse_interrupt_in",
  fields: [["unique", "u64"]],
} as const;

/** The events that a caller waits for; `kh` is the handle to wake it with. */
export const fuse_poll_in = {
  name: "fuse_poll_in",
  fields: [
    ["fh", "u64"],
    ["kh", "u64"],
    ["flags", "u32"],
    ["events", "u32"],
  ],
} as const;

/** The events that have occurred. */
export const fuse_poll_out = {
  name: "fuse_poll_out",
  fields: [
    ["revents", "u32"],
    ["padding", "u32"],
  ],
} as const;

/** Wakes the callers that poll with this handle. */
export const fuse_notify_poll_wakeup_out = {
  name: "fuse_notify_poll_wakeup_out",
  fields: [["kh", "u64"]],
} as const;

/** What `stat(2)` reports for a node, and how long that is valid. */
export const fuse_attr_out = {
  name: "fuse_attr_out",
  fields: [
    ["attr_valid", "u64"],
    ["attr_valid_nsec", "u32"],
    ["dummy", "u32"],
    ["ino", "u64"],
    ["size", "u64"],
    ["blocks", "u64"],
    ["atime", "u64"],
    ["mtime", "u64"],
    ["ctime", "u64"],
    ["atimensec", "u32"],
    ["mtimensec", "u32"],
    ["ctimensec", "u32"],
    ["mode", "u32"],
    ["nlink", "u32"],
    ["uid", "u32"],
    ["gid", "u32"],
    ["rdev", "u32"],
    ["blksize", "u32"],
    ["flags", "u32"],
  ],
} as const;

/** The attributes to change; their values follow `valid`, but the server does not use them. */
export const fuse_setattr_in = {
  name: "fuse_setattr_in",
  fields: [
    ["valid", "u32"],
    ["padding", "u32"],
  ],
} as const;

/** What `statfs(2)` reports for a file system. */
export const fuse_statfs_out = {
  name: "fuse_statfs_out",
  fields: [
    ["blocks", "u64"],
    ["bfree", "u64"],
    ["bavail", "u64"],
    ["files", "u64"],
    ["ffree", "u64"],
    ["bsize", "u32"],
    ["namelen", "u32"],
    ["frsize", "u32"],
    ["padding", "u32"],
    ["spare", "char", 24],
  ],
} as const;
