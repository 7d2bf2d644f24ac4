/** Before every answer; `error` is 0 or a negative error number. In a notification `unique` is 0, `error` says which. */
export const fuse_out_header = {
  name: "fuse_out_header",
  fields: [
    ["len", "u32"],
    ["error", "i32"],
    ["unique", "u64"],
  ],
} as const;
