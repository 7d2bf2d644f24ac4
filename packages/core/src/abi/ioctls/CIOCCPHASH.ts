import type { Ioctl } from "../ioctl.ts";
import { cphash_op } from "../structs/cphash_op.ts";

/** Copies the running state of one hash session into another. */
export const CIOCCPHASH: Ioctl<typeof cphash_op> = {
  name: "CIOCCPHASH",
  direction: "IOW",
  type: "c",
  number: 112,
  argument: cphash_op,
};
