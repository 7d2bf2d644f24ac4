/**
 * Before every request: what is asked, of which node, and by whom. `pid` is the calling thread, 0 if it cannot be seen from
 * here.
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
