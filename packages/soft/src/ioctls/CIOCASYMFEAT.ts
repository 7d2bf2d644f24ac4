import { CIOCASYMFEAT, type u32 } from "@cryptodev/core";
import type { Handler } from "../handler.ts";

/** Reports that no asymmetric operation is implemented, as the driver does. */
export const ciocasymfeatHandler: Handler<typeof u32> = {
  ioctl: CIOCASYMFEAT,
  answer(argument) {
    argument.setUint32(argument.offset.value, 0);
    argument.writeBack();
  },
};
