import { CIOCCRYPT, type crypt_op } from "@cryptodev/core";
import { CryptOperation } from "../crypt.ts";
import type { Handler } from "../handler.ts";

/** Encrypts, decrypts or hashes. */
export const cioccryptHandler: Handler<typeof crypt_op> = {
  ioctl: CIOCCRYPT,
  answer(argument, { file, memory, device }) {
    const session = file.find(argument.getUint32(argument.offset.ses));
    const operation = new CryptOperation(argument, memory, session, CIOCCRYPT.name);
    operation.run(device.alignmask);
    operation.deliver();
    if (operation.isMeaningless) device.warnOfDigest(CIOCCRYPT.name);
    argument.writeBack();
  },
};
