import { crparam } from "./crparam.ts";

/** Argument of CIOCKEY: one asymmetric operation. No Linux driver in use implements it. */
export const crypt_kop = {
  name: "crypt_kop",
  fields: [
    ["crk_op", "u32"],
    ["crk_status", "u32"],
    ["crk_iparams", "u16"],
    ["crk_oparams", "u16"],
    ["crk_pad1", "u32"],
    ["crk_param", crparam as typeof crparam, 8],
  ],
} as const;
