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
