import type { Ioctl } from "../ioctl.ts";
import { crypt_op } from "../structs/crypt_op.ts";

/** Fetches the oldest submitted operation that is finished. Only in drivers built with ENABLE_ASYNC. */
export const CIOCASYNCFETCH: Ioctl<typeof crypt_op> = {
  name: "CIOCASYNCFETCH",
  direction: "IOR",
  type: "c",
  number: 111,
  argument: crypt_op,
};
