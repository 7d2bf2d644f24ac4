import { CIOCASYMFEAT, CRIOGET, errnos, type u32 } from "@cryptodev/core/abi";
import { Errno } from "../errno.ts";
import { type Handler, writeBack } from "./handler.ts";

/** CRIOGET clones the descriptor. If none is free, the driver stores the error in the descriptor's place, and returns 0. */
export const crioget: Handler<typeof u32> = {
  ioctl: CRIOGET,
  answer(argument, caller) {
    const fd = caller.duplicate();
    if (fd === -errnos.EOPNOTSUPP)
      throw new Errno("EOPNOTSUPP", "a descriptor cannot be added to the caller's process");
    argument.setUint32(argument.offset.value, fd);
    return {
      onFault() {
        if (fd >= 0) caller.close(fd);
        throw new Errno("EFAULT", "argument cannot be written");
      },
    };
  },
};

/** CIOCASYMFEAT reports that no asymmetric operation is implemented, as the driver does. */
export const ciocasymfeat: Handler<typeof u32> = {
  ioctl: CIOCASYMFEAT,
  answer(argument) {
    argument.setUint32(argument.offset.value, 0);
    return writeBack;
  },
};
