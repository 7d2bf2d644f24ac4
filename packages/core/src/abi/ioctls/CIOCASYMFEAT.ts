import type { Ioctl } from "../ioctl.ts";
import { u32 } from "../structs/u32.ts";

/** Which asymmetric operations there are, as bits: none. */
export const CIOCASYMFEAT: Ioctl<typeof u32> = {
  name: "CIOCASYMFEAT",
  direction: "IOR",
  type: "c",
  number: 106,
  argument: u32,
};
