/**
 * Precedes every reply; `error` is 0 or a negative error number. In a notification `unique` is 0, and `error` is its
 * kind.
 */
export const fuse_out_header = {
  name: "fuse_out_header",
  fields: [
    ["len", "u32"],
    ["error", "i32"],
    ["unique", "u64"],
  ],
} as const;
