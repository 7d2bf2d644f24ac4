import type { Ioctl } from "../ioctl.ts";
import { u32 } from "../structs/u32.ts";

/** Ends a session. An unknown id is no error. */
export const CIOCFSESSION: Ioctl<typeof u32> = {
  name: "CIOCFSESSION",
  direction: "IOW",
  type: "c",
  number: 103,
  argument: u32,
};
