import { alg_info } from "./alg_info.ts";

/** Argument of CIOCGSESSINFO: what serves a session. The kernel fills only the halves that are in use. */
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
