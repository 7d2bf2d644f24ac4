import { CIOCCRYPT, COP_FLAG_NO_ZC, type crypt_op } from "@cryptodev/core";
import { CryptOperation } from "../crypt.ts";
import type { Handler } from "../handler.ts";

/** Encrypts, decrypts or hashes. */
export const cioccryptHandler: Handler<typeof crypt_op> = {
  ioctl: CIOCCRYPT,
  answer(argument, { file, memory, device }) {
    const at = argument.offset;
    const session = file.find(argument.getUint32(at.ses));
    const operation = new CryptOperation(argument, memory, session, CIOCCRYPT.name);
    // Misaligned data has to be copied, which the caller learns from the flags.
    if (!operation.isAligned(device.alignmask)) {
      argument.setUint16(at.flags, argument.getUint16(at.flags) | COP_FLAG_NO_ZC);
    }
    operation.run();
    operation.deliver();
    argument.writeBack();
  },
};
