import { CIOCCPHASH, type cphash_op } from "@cryptodev/core";
import { Errno } from "../errno.ts";
import type { Handler } from "../handler.ts";
import { KernelCrashError } from "../kernel_crash_error.ts";

/** Copies the running state of one hash session into another. */
export const cioccphashHandler: Handler<typeof cphash_op> = {
  ioctl: CIOCCPHASH,
  answer(argument, { file }) {
    const dstId = argument.getUint32(argument.offset.dst_ses);
    const srcId = argument.getUint32(argument.offset.src_ses);
    if (dstId === srcId) throw new Errno("EDEADLK", "source and destination are the same session");
    const source = file.find(srcId, "ENOENT");
    const { mac } = file.find(dstId, "ENOENT");
    if (source.mac === undefined || mac === undefined)
      throw new Errno("EINVAL", "one of the sessions does not have a mac");
    if (source.mac.driver !== mac.driver) throw new KernelCrashError("copy-between-algorithms", CIOCCPHASH.name);
    mac.copyFrom(source.mac);
  },
};
