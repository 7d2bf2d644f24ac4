/** The events that a caller waits for; `kh` is the handle to wake it with. */
export const fuse_poll_in = {
  name: "fuse_poll_in",
  fields: [
    ["fh", "u64"],
    ["kh", "u64"],
    ["flags", "u32"],
    ["events", "u32"],
  ],
} as const;
