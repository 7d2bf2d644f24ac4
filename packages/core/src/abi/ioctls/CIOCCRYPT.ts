import type { Ioctl } from "../ioctl.ts";
import { crypt_op } from "../structs/crypt_op.ts";

/** Encrypts, decrypts or hashes. */
export const CIOCCRYPT: Ioctl<typeof crypt_op> = {
  name: "CIOCCRYPT",
  direction: "IOWR",
  type: "c",
  number: 104,
  argument: crypt_op,
};
