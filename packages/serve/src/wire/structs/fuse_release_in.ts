/** The last descriptor of an open file was closed. */
export const fuse_release_in = {
  name: "fuse_release_in",
  fields: [
    ["fh", "u64"],
    ["flags", "u32"],
    ["release_flags", "u32"],
    ["lock_owner", "u64"],
  ],
} as const;
