/** Argument of CIOCAUTHCRYPT: one operation of an AEAD cipher, or of a TLS or SRTP record. */
export const crypt_auth_op = {
  name: "crypt_auth_op",
  fields: [
    ["ses", "u32"],
    ["op", "u16"],
    ["flags", "u16"],
    ["len", "u32"],
    ["auth_len", "u32"],
    ["auth_src", "pointer"],
    ["src", "pointer"],
    ["dst", "pointer"],
    ["tag", "pointer"],
    ["tag_len", "u32"],
    ["iv", "pointer"],
    ["iv_len", "u32"],
  ],
} as const;
