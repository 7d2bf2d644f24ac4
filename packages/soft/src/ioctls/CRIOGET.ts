import { CRIOGET, errnos, type u32 } from "@cryptodev/core";
import { Errno } from "../errno.ts";
import type { Handler } from "../handler.ts";

/** Clones the descriptor. If none is free, the driver stores the error in the descriptor's place and returns 0. */
export const criogetHandler: Handler<typeof u32> = {
  ioctl: CRIOGET,
  answer(argument, caller) {
    const fd = caller.duplicate();
    if (fd === -errnos.EOPNOTSUPP)
      throw new Errno("EOPNOTSUPP", "a descriptor cannot be added to the caller's process");
    argument.setUint32(argument.offset.value, fd);
    if (argument.tryWriteBack()) return;
    if (fd >= 0) caller.close(fd);
    throw new Errno("EFAULT", "argument cannot be written");
  },
};
