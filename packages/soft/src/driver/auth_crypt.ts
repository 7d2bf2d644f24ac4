import { CIOCAUTHCRYPT, COP_DECRYPT, COP_ENCRYPT, COP_FLAG_WRITE_IV, type crypt_auth_op } from "@cryptodev/core/abi";
import { Errno } from "../errno.ts";
import { copyToUser } from "../user/memory.ts";
import { authenticatedCrypt } from "./auth_aead.ts";
import { readAuthOp } from "./auth_operation.ts";
import { srtpCrypt } from "./auth_srtp.ts";
import { tlsCrypt } from "./auth_tls.ts";
import { type Handler, writeBack } from "./handler.ts";

/** CIOCAUTHCRYPT encrypts and authenticates: an AEAD, or a TLS or SRTP record. */
export const ciocauthcrypt: Handler<typeof crypt_auth_op> = {
  ioctl: CIOCAUTHCRYPT,
  answer(argument, { file, memory }) {
    const at = argument.offset;
    const session = file.find(argument.getUint32(at.ses));
    const { aead } = session;
    const cipher = aead ?? session.cipher;
    const operation = readAuthOp(argument, memory, session);
    const { iv } = operation;
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
      copyToUser(memory, argument.getPointer(at.iv), cipher.iv, "iv");
    }
    return writeBack;
  },
};
