/** What the kernel speaks; later kernels append to it. */
export const fuse_init_in = {
  name: "fuse_init_in",
  fields: [
    ["major", "u32"],
    ["minor", "u32"],
    ["max_readahead", "u32"],
    ["flags", "u32"],
  ],
} as const;
