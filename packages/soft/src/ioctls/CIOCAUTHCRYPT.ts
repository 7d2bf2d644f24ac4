import {
  CIOCAUTHCRYPT,
  COP_DECRYPT,
  COP_ENCRYPT,
  COP_FLAG_AEAD_SRTP_TYPE,
  COP_FLAG_AEAD_TLS_TYPE,
  type crypt_auth_op,
} from "@cryptodev/core";
import { authenticatedCrypt } from "../auth/aead.ts";
import { readAuthOperation } from "../auth/operation.ts";
import { srtpCrypt } from "../auth/srtp.ts";
import { tlsCrypt } from "../auth/tls.ts";
import { Errno } from "../errno.ts";
import type { Handler } from "../handler.ts";
import { copyFromUser } from "../memory.ts";

/** Encrypts and authenticates: an AEAD, or a TLS or SRTP record. */
export const ciocauthcryptHandler: Handler<typeof crypt_auth_op> = {
  ioctl: CIOCAUTHCRYPT,
  answer(argument, { file, memory }) {
    const at = argument.offset;
    const session = file.find(argument.getUint32(at.ses));
    const { aead } = session;
    const cipher = aead ?? session.cipher;
    // iv_len is not looked at: as many bytes are read as the cipher has.
    const iv = argument.getPointer(at.iv);
    const given =
      iv === 0 || cipher === undefined ? undefined : copyFromUser(memory, iv, cipher.iv.length, "iv").slice();
    const op = argument.getUint16(at.op);
    if (op !== COP_ENCRYPT && op !== COP_DECRYPT) throw new Errno("EINVAL", `op is ${op}, neither 0 nor 1`);
    if (given !== undefined) cipher?.iv.set(given);

    const operation = readAuthOperation(argument, memory, session, CIOCAUTHCRYPT.name);
    const flags = argument.getUint16(at.flags);
    if (flags === COP_FLAG_AEAD_TLS_TYPE) tlsCrypt(operation);
    else if (flags === COP_FLAG_AEAD_SRTP_TYPE) srtpCrypt(operation);
    else if (flags === 0 && aead !== undefined) authenticatedCrypt(operation, aead);
    else throw new Errno("EINVAL", `flags are ${flags}, and the session is no AEAD's`);
    argument.writeBack();
  },
};
