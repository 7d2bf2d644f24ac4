import type { Ioctl } from "../ioctl.ts";
import { crypt_op } from "../structs/crypt_op.ts";

/** Submits a CIOCCRYPT without waiting for it. Only in drivers built with ENABLE_ASYNC. */
export const CIOCASYNCCRYPT: Ioctl<typeof crypt_op> = {
  name: "CIOCASYNCCRYPT",
  direction: "IOW",
  type: "c",
  number: 110,
  argument: crypt_op,
};
