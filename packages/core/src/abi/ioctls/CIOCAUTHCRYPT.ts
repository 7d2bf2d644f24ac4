import type { Ioctl } from "../ioctl.ts";
import { crypt_auth_op } from "../structs/crypt_auth_op.ts";

/** Encrypts and authenticates in one operation. */
export const CIOCAUTHCRYPT: Ioctl<typeof crypt_auth_op> = {
  name: "CIOCAUTHCRYPT",
  direction: "IOWR",
  type: "c",
  number: 109,
  argument: crypt_auth_op,
};
