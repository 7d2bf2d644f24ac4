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
