import { freezeTable } from "./frozen.ts";

/*
 * The structs of `<crypto/cryptodev.h>`, and of two other headers that the server needs, under the names of the
 * headers.
 */

/** Argument of the ioctls that carry one number: a session id, a descriptor, a set of bits. */
export const u32 = {
  name: "u32",
  fields: [["value", "u32"]],
} as const;

/** Argument of CIOCGSESSION: the algorithms and keys of a new session. The driver sets `ses`. */
export const session_op = {
  name: "session_op",
  fields: [
    ["cipher", "u32"],
    ["mac", "u32"],
    ["keylen", "u32"],
    ["key", "pointer"],
    ["mackeylen", "u32"],
    ["mackey", "pointer"],
    ["ses", "u32"],
  ],
} as const;

/** Two names of an algorithm: the one requested from the CryptoAPI, and the one of the driver that it selected. */
export const alg_info = {
  name: "alg_info",
  fields: [
    ["cra_name", "char", 64],
    ["cra_driver_name", "char", 64],
  ],
} as const;

/** Argument of CIOCGSESSINFO: what serves a session. The kernel fills in only the members that apply. */
export const session_info_op = {
  name: "session_info_op",
  fields: [
    ["ses", "u32"],
    ["cipher_info", alg_info as typeof alg_info],
    ["hash_info", alg_info as typeof alg_info],
    ["alignmask", "u16"],
    ["flags", "u32"],
  ],
} as const;

/** Argument of CIOCCRYPT and of its asynchronous variants: one operation of a cipher, a hash or both. */
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

/** Argument of CIOCCPHASH. The destination comes first. */
export const cphash_op = {
  name: "cphash_op",
  fields: [
    ["dst_ses", "u32"],
    ["src_ses", "u32"],
  ],
} as const;

/** One big number of a `crypt_kop`. */
export const crparam = {
  name: "crparam",
  fields: [
    ["crp_p", "pointer"],
    ["crp_nbits", "u32"],
  ],
} as const;

/** Argument of CIOCKEY: one asymmetric operation. No Linux driver in use implements it. */
export const crypt_kop = {
  name: "crypt_kop",
  fields: [
    ["crk_op", "u32"],
    ["crk_status", "u32"],
    ["crk_iparams", "u16"],
    ["crk_oparams", "u16"],
    ["crk_pad1", "u32"],
    // The assertion names the type, which `isolatedDeclarations` cannot infer from the value.
    ["crk_param", crparam as typeof crparam, 8],
  ],
} as const;

/** Argument of `poll(2)`: the requested and the returned events of a descriptor (`<poll.h>`). */
export const pollfd = {
  name: "pollfd",
  fields: [
    ["fd", "i32"],
    ["events", "i16"],
    ["revents", "i16"],
  ],
} as const;

/** A range of memory, as `readv(2)` and related calls use it (`<sys/uio.h>`). `iov_len` is as wide as a pointer. */
export const iovec = {
  name: "iovec",
  fields: [
    ["iov_base", "pointer"],
    ["iov_len", "pointer"],
  ],
} as const;

for (const struct of [
  u32,
  session_op,
  alg_info,
  session_info_op,
  crypt_op,
  crypt_auth_op,
  cphash_op,
  crparam,
  crypt_kop,
  pollfd,
  iovec,
]) {
  freezeTable(struct);
}
