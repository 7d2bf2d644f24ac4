import { CIOCASYNCFETCH, type crypt_op } from "@cryptodev/core";
import type { Handler } from "../handler.ts";

/** Fetches the oldest operation. A failed one returns only its error, not even which operation it was. */
export const ciocasyncfetchHandler: Handler<typeof crypt_op> = {
  ioctl: CIOCASYNCFETCH,
  answer(argument, { file, device }) {
    const { argument: submitted, operation, failure } = file.fetch();
    if (failure !== undefined) throw failure;
    operation.deliver();
    if (operation.isMeaningless) device.warnOfDigest(CIOCASYNCFETCH.name);
    argument.bytes.set(submitted.bytes);
    argument.writeBack();
  },
};
