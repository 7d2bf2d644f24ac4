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
