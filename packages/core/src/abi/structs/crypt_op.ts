/** Argument of CIOCCRYPT, and of its asynchronous pair: one operation of a cipher, a hash or both. */
export const crypt_op = {
  name: "crypt_op",
  fields: [
    ["ses", "u32"],
    ["op", "u16"],
    ["flags", "u16"],
    ["len", "u32"],
    ["src", "pointer"],
    ["dst", "pointer"],
    ["mac", "pointer"],
    ["iv", "pointer"],
  ],
} as const;
