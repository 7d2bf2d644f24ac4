import type { Ioctl } from "../ioctl.ts";
import { session_info_op } from "../structs/session_info_op.ts";

/** Names the algorithms and drivers behind a session. */
export const CIOCGSESSINFO: Ioctl<typeof session_info_op> = {
  name: "CIOCGSESSINFO",
  direction: "IOWR",
  type: "c",
  number: 107,
  argument: session_info_op,
};
