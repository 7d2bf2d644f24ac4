import { CIOCASYNCCRYPT, CIOCASYNCFETCH, COP_FLAG_NO_ZC, type crypt_op } from "@cryptodev/core/abi";
import { Errno } from "../errno.ts";
import { KernelCryptOp, writeBackOf } from "./crypt.ts";
import { type Handler, requireSize } from "./handler.ts";
import type { Slices } from "./slices.ts";

/** Runs the operation. As in the driver's worker, an error is kept for the fetch. */
function* failureOf(operation: KernelCryptOp, alignmask: number): Slices<Errno | undefined> {
  try {
    // The driver's worker cannot copy from the caller's memory.
    if (!operation.isAligned(alignmask)) throw new Errno("EFAULT", "src or dst is misaligned");
    const rest = operation.run(0);
    if (rest !== undefined) yield* rest;
    return undefined;
  } catch (error) {
    if (error instanceof Errno) return error;
    throw error;
  }
}

/** CIOCASYNCCRYPT submits an operation. It runs at once, as in a worker that is never late. */
export const ciocasynccrypt: Handler<typeof crypt_op> = {
  ioctl: CIOCASYNCCRYPT,
  *answer(argument, { file, memory }, context) {
    const { alignmask, data, jobs, paceOf } = context;
    const at = argument.offset;
    const session = file.find(argument.getUint32(at.ses));
    const size = argument.getUint32(at.len);
    requireSize(size, context);
    const operation = new KernelCryptOp(argument, memory.retain(), session, paceOf(session));
    if ((argument.getUint16(at.flags) & COP_FLAG_NO_ZC) !== 0)
      throw new Errno("EINVAL", "NO_ZC cannot be asynchronous");
    file.requireRoom();
    jobs.take();
    let isQueued = false;
    try {
      const failure = yield* data.during(size, failureOf(operation, alignmask));
      operation.retain();
      const { isMeaningless } = operation;
      file.queue({ failure, struct: argument.bytes, isMeaningless, deliver: () => operation.deliver() });
      isQueued = true;
    } finally {
      // It crashes a kernel, or its caller has been killed.
      if (!isQueued) jobs.giveBack();
    }
    return undefined;
  },
};

/**
 * CIOCASYNCFETCH fetches the oldest operation. A failed one returns only its error, not even which operation it was.
 */
export const ciocasyncfetch: Handler<typeof crypt_op> = {
  ioctl: CIOCASYNCFETCH,
  answer(argument, { file }, { jobs }) {
    const queued = file.fetch();
    jobs.giveBack();
    if (queued.failure !== undefined) throw queued.failure;
    queued.deliver();
    argument.bytes.set(queued.struct);
    return writeBackOf(queued);
  },
};
