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
