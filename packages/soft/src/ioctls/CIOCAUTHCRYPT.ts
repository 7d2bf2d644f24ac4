import { CIOCAUTHCRYPT, COP_DECRYPT, COP_ENCRYPT, COP_FLAG_WRITE_IV, type crypt_auth_op } from "@cryptodev/core";
import { authenticatedCrypt } from "../auth/aead.ts";
import { readAuthOperation } from "../auth/operation.ts";
import { srtpCrypt } from "../auth/srtp.ts";
import { tlsCrypt } from "../auth/tls.ts";
import { Errno } from "../errno.ts";
import type { Handler } from "../handler.ts";
import { copyFromUser, copyToUser } from "../memory.ts";

/** Encrypts and authenticates: an AEAD, or a TLS or SRTP record. */
export const ciocauthcryptHandler: Handler<typeof crypt_auth_op> = {
  ioctl: CIOCAUTHCRYPT,
  answer(argument, { file, memory }) {
    const at = argument.offset;
    const session = file.find(argument.getUint32(at.ses));
    const { aead } = session;
    const cipher = aead ?? session.cipher;
    const operation = readAuthOperation(argument, memory, session, CIOCAUTHCRYPT.name);
    // The driver ignores iv_len, and reads as many bytes as the cipher's iv has.
    const ivAddress = argument.getPointer(at.iv);
    let iv: Uint8Array | undefined;
    if (ivAddress !== 0 && cipher !== undefined) {
      memory.expect?.(operation.src, operation.len);
      memory.expect?.(operation.authSrc, operation.authLen);
      iv = copyFromUser(memory, ivAddress, cipher.iv.length, "iv");
    }
    const op = argument.getUint16(at.op);
    if (op !== COP_ENCRYPT && op !== COP_DECRYPT) throw new Errno("EINVAL", `op is ${op}, expected 0 or 1`);
    if (cipher !== undefined) session.mac?.reset();
    if (iv !== undefined) cipher?.iv.set(iv);

    const flags = argument.getUint16(at.flags);
    if (operation.isSrtp) srtpCrypt(operation);
    else if (aead !== undefined) authenticatedCrypt(operation, aead);
    else if (operation.isTls) tlsCrypt(operation);
    else throw new Errno("EINVAL", `flags are ${flags}, but the session is not an AEAD's`);
    if (iv !== undefined && cipher !== undefined && (flags & COP_FLAG_WRITE_IV) !== 0) {
      copyToUser(memory, ivAddress, cipher.iv, "iv");
    }
    argument.writeBack();
  },
};
