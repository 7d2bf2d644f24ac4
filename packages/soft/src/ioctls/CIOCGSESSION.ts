import {
  CIOCGSESSION,
  CRYPTO_CIPHER_MAX_KEY_LEN,
  CRYPTO_HMAC_MAX_KEY_LEN,
  macs,
  type session_op,
} from "@cryptodev/core";
import { Errno } from "../errno.ts";
import type { Handler } from "../handler.ts";
import { KernelCrashError } from "../kernel_crash_error.ts";
import type { Memory } from "../memory.ts";
import { SessionCipher, SessionMac } from "../session.ts";

function readKey(memory: Memory, address: number, length: number, longest: number): Uint8Array {
  if (length > longest) throw new Errno("EINVAL");
  const key = length === 0 ? new Uint8Array() : memory.read(address, length);
  if (key === undefined) throw new Errno("EFAULT");
  return key.slice();
}

const isKeyed = (id: number): boolean => Object.values(macs).some((mac) => mac.id === id && mac.keyed);

/** Starts a session. */
export const ciocgsessionHandler: Handler<typeof session_op> = {
  ioctl: CIOCGSESSION,
  answer(argument, { file, memory }) {
    const at = argument.offset;
    const cipherId = argument.getUint32(at.cipher);
    const macId = argument.getUint32(at.mac);
    const mackeylen = argument.getUint32(at.mackeylen);
    const mackey = argument.getPointer(at.mackey);
    if (cipherId === 0 && macId === 0) throw new Errno("EINVAL");
    const cipher =
      cipherId === 0
        ? undefined
        : new SessionCipher(
            cipherId,
            readKey(memory, argument.getPointer(at.key), argument.getUint32(at.keylen), CRYPTO_CIPHER_MAX_KEY_LEN),
          );
    let mac: SessionMac | undefined;
    if (macId !== 0) {
      if (mackeylen > CRYPTO_HMAC_MAX_KEY_LEN) throw new Errno("EINVAL");
      if (mackey === 0 && mackeylen !== 0 && isKeyed(macId))
        throw new KernelCrashError("mackey-null", CIOCGSESSION.name);
      mac = new SessionMac(
        macId,
        isKeyed(macId) ? readKey(memory, mackey, mackeylen, CRYPTO_HMAC_MAX_KEY_LEN) : new Uint8Array(),
      );
    }
    argument.setUint32(at.ses, file.add({ cipher, mac }));
    argument.writeBack();
  },
};
