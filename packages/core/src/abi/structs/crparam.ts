/** One big number of a `crypt_kop`. */
export const crparam = {
  name: "crparam",
  fields: [
    ["crp_p", "pointer"],
    ["crp_nbits", "u32"],
  ],
} as const;
