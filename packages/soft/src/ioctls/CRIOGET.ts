import { CRIOGET, type u32 } from "@cryptodev/core";
import type { Handler } from "../handler.ts";

/** Clones the descriptor. With none free, the driver stores the error where the descriptor belongs and returns 0. */
export const criogetHandler: Handler<typeof u32> = {
  ioctl: CRIOGET,
  answer(argument, caller) {
    argument.setUint32(argument.offset.value, caller.duplicate());
    argument.writeBack();
  },
};
