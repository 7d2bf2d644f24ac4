/** The events that have occurred. */
export const fuse_poll_out = {
  name: "fuse_poll_out",
  fields: [
    ["revents", "u32"],
    ["padding", "u32"],
  ],
} as const;
