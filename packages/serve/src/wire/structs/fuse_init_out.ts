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
