import { CIOCASYNCCRYPT, COP_FLAG_NO_ZC, type crypt_op } from "@cryptodev/core";
import { CryptOperation } from "../crypt.ts";
import { Errno } from "../errno.ts";
import type { Handler } from "../handler.ts";
import type { Job } from "../job.ts";

/** Runs the operation. As in the driver's worker, an error is kept for the fetch. */
function failureOf(operation: CryptOperation, alignmask: number): Errno | undefined {
  try {
    // The driver's worker cannot copy from the caller's memory.
    if (!operation.isAligned(alignmask)) throw new Errno("EFAULT", "src or dst is misaligned");
    operation.run(0);
    return undefined;
  } catch (error) {
    if (error instanceof Errno) return error;
    throw error;
  }
}

/** Submits an operation. It runs at once, as in a worker that is never late. */
export const ciocasynccryptHandler: Handler<typeof crypt_op> = {
  ioctl: CIOCASYNCCRYPT,
  answer(argument, { file, memory, device }) {
    const at = argument.offset;
    const session = file.find(argument.getUint32(at.ses));
    const submitted = argument.copy();
    const operation = new CryptOperation(submitted, memory.retain(), session, CIOCASYNCCRYPT.name);
    if ((argument.getUint16(at.flags) & COP_FLAG_NO_ZC) !== 0)
      throw new Errno("EINVAL", "NO_ZC cannot be asynchronous");
    file.queue((): Job => ({ argument: submitted, operation, failure: failureOf(operation, device.alignmask) }));
  },
};
