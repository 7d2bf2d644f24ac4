/** What is to change; the values follow `valid`, and we take none. */
export const fuse_setattr_in = {
  name: "fuse_setattr_in",
  fields: [
    ["valid", "u32"],
    ["padding", "u32"],
  ],
} as const;
