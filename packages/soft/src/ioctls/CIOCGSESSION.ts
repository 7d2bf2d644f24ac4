import {
  CIOCGSESSION,
  type CipherAlgorithm,
  CRYPTO_CIPHER_MAX_KEY_LEN,
  CRYPTO_HMAC_MAX_KEY_LEN,
  ciphers,
  type MacAlgorithm,
  macs,
  type session_op,
} from "@cryptodev/core";
import type { CipherDriver } from "../algorithms.ts";
import { Errno } from "../errno.ts";
import type { Handler } from "../handler.ts";
import { KernelCrashError } from "../kernel_crash_error.ts";
import { copyFromUser } from "../memory.ts";
import { secretCopy } from "../secret.ts";
import { Session, SessionAead, SessionCipher, SessionMac } from "../session.ts";

const knownCiphers: readonly CipherAlgorithm[] = Object.values(ciphers);
const knownMacs: readonly MacAlgorithm[] = Object.values(macs);

function findKnown<A extends CipherAlgorithm | MacAlgorithm>(all: readonly A[], id: number, what: string): A {
  const known = all.find((algorithm) => algorithm.id === id && algorithm.kernelName !== undefined);
  if (known === undefined) throw new Errno("EINVAL", `there is no ${what} ${id}`);
  return known;
}

function keyed(driver: CipherDriver, key: Uint8Array): SessionCipher | SessionAead {
  return driver.aead === undefined ? new SessionCipher(driver, key) : new SessionAead(driver, key);
}

/**
 * With a mac key, the driver treats every AEAD as a composite one, and passes it what `authenc()` of the kernel would
 * read: a `struct rtattr` of 8 bytes in all, which contains the key's length in big-endian order, then both keys. GCM
 * and CCM accept these bytes as a key if their number is a valid key size.
 */
function authencKey(mackey: Uint8Array, key: Uint8Array): Uint8Array {
  const header = 8;
  const joined = new Uint8Array(header + mackey.length + key.length);
  // rta_len, and rta_type CRYPTO_AUTHENC_KEYA_PARAM, in this machine's byte order.
  new Uint16Array(joined.buffer, 0, 2).set([header, 1]);
  new DataView(joined.buffer).setUint32(4, key.length);
  joined.set(mackey, header);
  joined.set(key, header + mackey.length);
  return joined;
}

/** Starts a session. */
export const ciocgsessionHandler: Handler<typeof session_op> = {
  ioctl: CIOCGSESSION,
  answer(argument, { file, memory, device }) {
    const at = argument.offset;
    const cipherId = argument.getUint32(at.cipher);
    const macId = argument.getUint32(at.mac);
    if (cipherId === 0 && macId === 0) throw new Errno("EINVAL", "neither cipher nor mac");
    // Refuses ids that the driver does not know. It finds out only after it has read the keys that the kernel does not
    // have an algorithm.
    const cipherAlgorithm = cipherId === 0 ? undefined : findKnown(knownCiphers, cipherId, "cipher");
    const macAlgorithm = macId === 0 ? undefined : findKnown(knownMacs, macId, "mac");
    const isAead = cipherAlgorithm?.kind === "aead" || cipherAlgorithm?.kind === "record";
    const [keylen, mackeylen] = [argument.getUint32(at.keylen), argument.getUint32(at.mackeylen)];
    const mackeyAddress = argument.getPointer(at.mackey);
    const keys: Uint8Array[] = [];
    const read = (address: number, length: number, what: string): Uint8Array => {
      const key = secretCopy(copyFromUser(memory, address, length, what));
      keys.push(key);
      return key;
    };

    try {
      if (cipherAlgorithm !== undefined && keylen > CRYPTO_CIPHER_MAX_KEY_LEN)
        throw new Errno("EINVAL", `keylen is ${keylen}, expected at most ${CRYPTO_CIPHER_MAX_KEY_LEN}`);
      if ((macAlgorithm !== undefined || isAead) && mackeylen > CRYPTO_HMAC_MAX_KEY_LEN) {
        throw new Errno("EINVAL", `mackeylen is ${mackeylen}, expected at most ${CRYPTO_HMAC_MAX_KEY_LEN}`);
      }
      const part = isAead && mackeylen > 0 ? read(mackeyAddress, mackeylen, "mackey") : undefined;
      let key = cipherAlgorithm === undefined ? undefined : read(argument.getPointer(at.key), keylen, "key");
      if (key !== undefined && part !== undefined) {
        const joined = authencKey(part, key);
        keys.push(joined);
        key.fill(0);
        part.fill(0);
        key = joined;
      }
      const cipher = key === undefined ? undefined : keyed(device.cipherDriver(cipherId), key);

      let mac: SessionMac | undefined;
      if (macAlgorithm !== undefined && !isAead) {
        if (macAlgorithm.keyed && mackeyAddress === 0 && mackeylen > 0) {
          throw new KernelCrashError("mackey-null", CIOCGSESSION.name);
        }
        const mackey = mackeyAddress === 0 ? new Uint8Array() : read(mackeyAddress, mackeylen, "mackey");
        mac = new SessionMac(device.macDriver(macId), mackey);
      }
      file.requireRoom();
      const id = file.add(new Session(cipher, mac));
      argument.setUint32(at.ses, id);
      if (argument.tryWriteBack()) return;
      file.remove(id);
      throw new Errno("EFAULT", "argument cannot be written");
    } catch (error) {
      for (const key of keys) key.fill(0);
      throw error;
    }
  },
};
