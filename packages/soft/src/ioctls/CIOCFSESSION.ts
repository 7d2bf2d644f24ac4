import { CIOCFSESSION, type u32 } from "@cryptodev/core";
import type { Handler } from "../handler.ts";

/** Ends a session. */
export const ciocfsessionHandler: Handler<typeof u32> = {
  ioctl: CIOCFSESSION,
  answer(argument, { file }) {
    file.remove(argument.getUint32(argument.offset.value));
  },
};
