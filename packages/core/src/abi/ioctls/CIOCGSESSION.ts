import type { Ioctl } from "../ioctl.ts";
import { session_op } from "../structs/session_op.ts";

/** Starts a session. */
export const CIOCGSESSION: Ioctl<typeof session_op> = {
  name: "CIOCGSESSION",
  direction: "IOWR",
  type: "c",
  number: 102,
  argument: session_op,
};
