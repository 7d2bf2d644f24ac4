import {
  alg_info,
  CIOCCPHASH,
  CIOCFSESSION,
  CIOCGSESSINFO,
  CIOCGSESSION,
  type CipherAlgorithm,
  CRYPTO_CIPHER_MAX_KEY_LEN,
  CRYPTO_HMAC_MAX_KEY_LEN,
  ciphers,
  type cphash_op,
  layout,
  type MacAlgorithm,
  macs,
  SIOP_FLAG_KERNEL_DRIVER_ONLY,
  type session_info_op,
  type session_op,
  type u32,
} from "@cryptodev/core/abi";
import { Crash } from "../crash.ts";
import { secretCopy } from "../crypto/secret.ts";
import { Errno } from "../errno.ts";
import { copyFromUser, type Memory } from "../user/memory.ts";
import type { UserStruct } from "../user/user_struct.ts";
import type { DriverContext, Handler } from "./handler.ts";
import { DriverSession, SessionAead, SessionCipher, SessionMac } from "./session.ts";

const knownCiphers: readonly CipherAlgorithm[] = Object.values(ciphers);
const knownMacs: readonly MacAlgorithm[] = Object.values(macs);

function findKnown<A extends CipherAlgorithm | MacAlgorithm>(all: readonly A[], id: number, what: string): A {
  const known = all.find((algorithm) => algorithm.id === id && algorithm.kernelName !== undefined);
  if (known === undefined) throw new Errno("EINVAL", `there is no ${what} ${id}`);
  return known;
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

/** What a caller asks CIOCGSESSION for, as far as it can be checked before the keys are read. */
interface SessionRequest {
  readonly cipher: CipherAlgorithm | undefined;
  readonly mac: MacAlgorithm | undefined;
  /** Whether the cipher computes the tag itself, so that the mac is ignored. */
  readonly isAead: boolean;
  readonly keylen: number;
  readonly mackeylen: number;
  readonly keyAddress: number;
  readonly mackeyAddress: number;
}

/** @throws {Errno} with `EINVAL` if an algorithm is not known, or a key is too long for any */
function readSessionRequest(argument: UserStruct<typeof session_op>): SessionRequest {
  const at = argument.offset;
  const cipherId = argument.getUint32(at.cipher);
  const macId = argument.getUint32(at.mac);
  if (cipherId === 0 && macId === 0) throw new Errno("EINVAL", "neither cipher nor mac");
  // Refuses ids that the driver does not know. It finds out only after it has read the keys that the kernel does not
  // have an algorithm.
  const cipher = cipherId === 0 ? undefined : findKnown(knownCiphers, cipherId, "cipher");
  const mac = macId === 0 ? undefined : findKnown(knownMacs, macId, "mac");
  const isAead = cipher?.kind === "aead" || cipher?.kind === "record";
  const [keylen, mackeylen] = [argument.getUint32(at.keylen), argument.getUint32(at.mackeylen)];
  if (cipher !== undefined && keylen > CRYPTO_CIPHER_MAX_KEY_LEN)
    throw new Errno("EINVAL", `keylen is ${keylen}, expected at most ${CRYPTO_CIPHER_MAX_KEY_LEN}`);
  if ((mac !== undefined || isAead) && mackeylen > CRYPTO_HMAC_MAX_KEY_LEN) {
    throw new Errno("EINVAL", `mackeylen is ${mackeylen}, expected at most ${CRYPTO_HMAC_MAX_KEY_LEN}`);
  }
  const [keyAddress, mackeyAddress] = [argument.getPointer(at.key), argument.getPointer(at.mackey)];
  return { cipher, mac, isAead, keylen, mackeylen, keyAddress, mackeyAddress };
}

/** Copies of a caller's keys, which are wiped together if the session does not start. */
class KeyCopies {
  readonly #memory: Memory;
  readonly #keys: Uint8Array[] = [];

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** @throws {Errno} with `EFAULT` if the key cannot be read */
  read(address: number, length: number, what: string): Uint8Array {
    return this.keep(secretCopy(copyFromUser(this.#memory, address, length, what)));
  }

  keep(key: Uint8Array): Uint8Array {
    this.#keys.push(key);
    return key;
  }

  wipe(): void {
    for (const key of this.#keys) key.fill(0);
  }
}

function startCipher(
  { cipher, isAead, keylen, mackeylen, keyAddress, mackeyAddress }: SessionRequest,
  keys: KeyCopies,
  device: DriverContext,
): SessionCipher | SessionAead | undefined {
  const mackey = isAead && mackeylen > 0 ? keys.read(mackeyAddress, mackeylen, "mackey") : undefined;
  if (cipher === undefined) return undefined;
  let key = keys.read(keyAddress, keylen, "key");
  if (mackey !== undefined) {
    const joined = keys.keep(authencKey(mackey, key));
    key.fill(0);
    mackey.fill(0);
    key = joined;
  }
  const driver = device.cipherDriver(cipher.id);
  return driver.aead === undefined ? new SessionCipher(driver, key) : new SessionAead(driver, key);
}

function startMac(
  { mac, isAead, mackeylen, mackeyAddress }: SessionRequest,
  keys: KeyCopies,
  device: DriverContext,
): SessionMac | undefined {
  if (mac === undefined || isAead) return undefined;
  if (mac.keyed && mackeyAddress === 0 && mackeylen > 0) throw new Crash("mackey-null");
  const mackey = mackeyAddress === 0 ? new Uint8Array() : keys.read(mackeyAddress, mackeylen, "mackey");
  return new SessionMac(device.macDriver(mac.id), mackey);
}

/** CIOCGSESSION starts a session. */
export const ciocgsession: Handler<typeof session_op> = {
  ioctl: CIOCGSESSION,
  answer(argument, { file, memory }, device) {
    const request = readSessionRequest(argument);
    const keys = new KeyCopies(memory);
    try {
      const session = new DriverSession(startCipher(request, keys, device), startMac(request, keys, device));
      const id = device.startSession(file, session);
      argument.setUint32(argument.offset.ses, id);
      return {
        onFault() {
          device.dropSession(file, id);
          throw new Errno("EFAULT", "argument cannot be written");
        },
      };
    } catch (error) {
      keys.wipe();
      throw error;
    }
  },
};

/** CIOCFSESSION ends a session; an unknown id is not an error. */
export const ciocfsession: Handler<typeof u32> = {
  ioctl: CIOCFSESSION,
  answer(argument, { file }, device) {
    device.endSession(file, argument.getUint32(argument.offset.value));
    return undefined;
  },
};

/** CIOCGSESSINFO reports which drivers serve a session, and leaves the unused half of the struct as it is. */
export const ciocgsessinfo: Handler<typeof session_info_op> = {
  ioctl: CIOCGSESSINFO,
  answer(argument, { file }, device) {
    const at = argument.offset;
    const { cipherAlgorithm, mac } = file.find(argument.getUint32(at.ses));
    const names = layout(alg_info, device.machine);
    const name = (start: number, kernelName: string | undefined): void => {
      if (kernelName === undefined) return;
      argument.setString(start + names.offset.cra_name, names.width.cra_name, kernelName);
      // Follows the kernel's pattern for driver names: the algorithm, then the implementation.
      const driver = `${kernelName}-${device.driver}`;
      argument.setString(start + names.offset.cra_driver_name, names.width.cra_driver_name, driver);
    };
    name(at.cipher_info, cipherAlgorithm?.kernelName);
    name(at.hash_info, mac?.driver.algorithm.kernelName);
    argument.setUint16(at.alignmask, device.alignmask);
    argument.setUint32(at.flags, device.hardware ? SIOP_FLAG_KERNEL_DRIVER_ONLY : 0);
    // The driver does not treat a fault here as an error: it returns the number of bytes that it could not write.
    return { onFault: () => argument.bytes.length };
  },
};

/** CIOCCPHASH copies the running state of one hash session into another. */
export const cioccphash: Handler<typeof cphash_op> = {
  ioctl: CIOCCPHASH,
  answer(argument, { file }) {
    const dstId = argument.getUint32(argument.offset.dst_ses);
    const srcId = argument.getUint32(argument.offset.src_ses);
    if (dstId === srcId) throw new Errno("EDEADLK", "source and destination are the same session");
    const source = file.find(srcId, "ENOENT");
    const { mac } = file.find(dstId, "ENOENT");
    if (source.mac === undefined || mac === undefined)
      throw new Errno("EINVAL", "one of the sessions does not have a mac");
    if (source.mac.driver !== mac.driver) throw new Crash("copy-between-algorithms");
    mac.copyFrom(source.mac);
    return undefined;
  },
};
