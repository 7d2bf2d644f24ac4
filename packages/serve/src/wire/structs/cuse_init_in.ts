/** What the kernel speaks, for a character device. */
export const cuse_init_in = {
  name: "cuse_init_in",
  fields: [
    ["major", "u32"],
    ["minor", "u32"],
    ["unused", "u32"],
    ["flags", "u32"],
  ],
} as const;
