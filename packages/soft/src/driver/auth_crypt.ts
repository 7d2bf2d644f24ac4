import { CIOCAUTHCRYPT, COP_DECRYPT, COP_ENCRYPT, COP_FLAG_WRITE_IV, type crypt_auth_op } from "@cryptodev/core/abi";
import { Errno } from "../errno.ts";
import { copyToUser } from "../user/memory.ts";
import { authenticatedCrypt } from "./auth_aead.ts";
import { type KernelAuthOp, readAuthOp } from "./auth_operation.ts";
import { srtpCrypt } from "./auth_srtp.ts";
import { tlsCrypt } from "./auth_tls.ts";
import { type Answer, type Handler, requireSize, writeBack } from "./handler.ts";
import { complete, type Slices } from "./slices.ts";

/** CIOCAUTHCRYPT encrypts and authenticates: an AEAD, or a TLS or SRTP record. */
export const ciocauthcrypt: Handler<typeof crypt_auth_op> = {
  ioctl: CIOCAUTHCRYPT,
  answer(argument, { file, memory }, context) {
    const { data, paceOf } = context;
    const at = argument.offset;
    const session = file.find(argument.getUint32(at.ses));
    const { aead } = session;
    const cipher = aead ?? session.cipher;
    const size = argument.getUint32(at.len) + argument.getUint32(at.auth_len);
    requireSize(size, context);
    const operation = readAuthOp(argument, memory, session, paceOf(session));
    const { iv } = operation;
    const op = argument.getUint16(at.op);
    if (op !== COP_ENCRYPT && op !== COP_DECRYPT) throw new Errno("EINVAL", `op is ${op}, expected 0 or 1`);
    if (cipher !== undefined) session.mac?.reset();
    if (iv !== undefined) cipher?.iv.set(iv);

    const work = run(operation);
    return work === undefined ? delivered(operation) : data.during(size, inSlices(operation, work));
  },
};

/** Runs an operation. @returns the work, if the data is long */
function run(operation: KernelAuthOp): Slices<void> | undefined {
  const { argument, session, isSrtp, isTls, isLong } = operation;
  if (!isSrtp && session.aead !== undefined) return authenticatedCrypt(operation, session.aead);
  if (!isSrtp && !isTls) {
    throw new Errno(
      "EINVAL",
      `flags are ${argument.getUint16(argument.offset.flags)}, but the session is not an AEAD's`,
    );
  }
  const work = isSrtp ? srtpCrypt(operation) : tlsCrypt(operation);
  if (isLong) return work;
  complete(work);
  return undefined;
}

function delivered({ argument, memory, session, iv }: KernelAuthOp): Answer {
  const at = argument.offset;
  const cipher = session.aead ?? session.cipher;
  if (iv !== undefined && cipher !== undefined && (argument.getUint16(at.flags) & COP_FLAG_WRITE_IV) !== 0) {
    copyToUser(memory, argument.getPointer(at.iv), cipher.iv, "iv");
  }
  return writeBack;
}

function* inSlices(operation: KernelAuthOp, work: Slices<void>): Slices<Answer> {
  yield* work;
  return delivered(operation);
}
