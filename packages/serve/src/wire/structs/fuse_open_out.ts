/** The number by which the kernel refers to the open file from now on. */
export const fuse_open_out = {
  name: "fuse_open_out",
  fields: [
    ["fh", "u64"],
    ["open_flags", "u32"],
    ["padding", "u32"],
  ],
} as const;
