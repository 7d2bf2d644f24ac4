/** Argument of CIOCCPHASH. The destination comes first. */
export const cphash_op = {
  name: "cphash_op",
  fields: [
    ["dst_ses", "u32"],
    ["src_ses", "u32"],
  ],
} as const;
