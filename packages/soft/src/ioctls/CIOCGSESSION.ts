import { CIOCGSESSION, CRYPTO_CIPHER_MAX_KEY_LEN, CRYPTO_HMAC_MAX_KEY_LEN, type session_op } from "@cryptodev/core";
import type { CipherDriver } from "../algorithms.ts";
import { Errno } from "../errno.ts";
import type { Handler } from "../handler.ts";
import { KernelCrashError } from "../kernel_crash_error.ts";
import { copyFromUser } from "../memory.ts";
import { Session, SessionAead, SessionCipher, SessionMac } from "../session.ts";

function keyed(driver: CipherDriver, key: Uint8Array): SessionCipher | SessionAead {
  return driver.aead === undefined ? new SessionCipher(driver, key) : new SessionAead(driver, key);
}

/** Starts a session. */
export const ciocgsessionHandler: Handler<typeof session_op> = {
  ioctl: CIOCGSESSION,
  answer(argument, { file, memory, device }) {
    const at = argument.offset;
    const cipherId = argument.getUint32(at.cipher);
    const macId = argument.getUint32(at.mac);
    if (cipherId === 0 && macId === 0) throw new Errno("EINVAL", "neither cipher nor mac");
    const cipherDriver = cipherId === 0 ? undefined : device.cipherDriver(cipherId);
    const macDriver = macId === 0 ? undefined : device.macDriver(macId);
    const [keylen, mackeylen] = [argument.getUint32(at.keylen), argument.getUint32(at.mackeylen)];
    const mackey = argument.getPointer(at.mackey);

    let cipher: SessionCipher | SessionAead | undefined;
    if (cipherDriver !== undefined) {
      if (keylen > CRYPTO_CIPHER_MAX_KEY_LEN) throw new Errno("EINVAL", `keylen is ${keylen}`);
      const key = copyFromUser(memory, argument.getPointer(at.key), keylen, "key").slice();
      cipher = keyed(cipherDriver, key);
      // With a mac key the driver takes the key for one of the composite kind, which no AEAD here has.
      if (cipher instanceof SessionAead && mackeylen > 0) throw new Errno("EINVAL", "an AEAD has no mac key");
    }
    let mac: SessionMac | undefined;
    if (macDriver !== undefined && !(cipher instanceof SessionAead)) {
      if (mackeylen > CRYPTO_HMAC_MAX_KEY_LEN) throw new Errno("EINVAL", `mackeylen is ${mackeylen}`);
      if (macDriver.algorithm.keyed && mackey === 0 && mackeylen > 0) {
        throw new KernelCrashError("mackey-null", CIOCGSESSION.name);
      }
      const key = mackey === 0 ? new Uint8Array() : copyFromUser(memory, mackey, mackeylen, "mackey").slice();
      mac = new SessionMac(macDriver, key);
    }
    argument.setUint32(at.ses, file.add(new Session(cipher, mac)));
    argument.writeBack();
  },
};
