/** The attributes to change; their values follow `valid`, but the server does not use them. */
export const fuse_setattr_in = {
  name: "fuse_setattr_in",
  fields: [
    ["valid", "u32"],
    ["padding", "u32"],
  ],
} as const;
