import { CIOCFSESSION, type u32 } from "@cryptodev/core";
import type { Handler } from "../handler.ts";

/** Ends a session; an unknown id is not an error. */
export const ciocfsessionHandler: Handler<typeof u32> = {
  ioctl: CIOCFSESSION,
  answer(argument, { file, device }) {
    device.endSession(file, argument.getUint32(argument.offset.value));
  },
};
