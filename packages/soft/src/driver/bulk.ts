import type { Memory } from "../user/memory.ts";
import { cipherDrivers, macDrivers } from "./algorithms.ts";
import { DriverSession, SessionCipher, SessionMac } from "./session.ts";
import type { Bulk, BulkResult } from "./slices.ts";

/** How much data is processed at once. */
const SIZE = 2 ** 15;

/** Returns a session with the state of another one, which belongs to another thread. */
function sessionOf({ cipher, mac }: Bulk): DriverSession {
  const cipherDriver = cipherDrivers.get(cipher?.id ?? 0);
  const macDriver = macDrivers.get(mac?.id ?? 0);
  const ownCipher =
    cipher === undefined || cipherDriver?.key === undefined ? undefined : new SessionCipher(cipherDriver, cipher.key);
  if (cipher !== undefined) ownCipher?.iv.set(cipher.iv);
  return new DriverSession(
    ownCipher,
    mac === undefined || macDriver === undefined ? undefined : new SessionMac(macDriver, mac.key),
  );
}

/**
 * Processes the data of a long operation, in a thread other than that of its device. It ends early at the first piece
 * that cannot be read or written, for whatever reason: the device continues there, and finds out why. The keys are wiped.
 *
 * @param isWanted - called after each piece; if it returns `false`, the rest is not processed
 */
export function processBulk(bulk: Bulk, memory: Memory, isWanted: () => boolean): BulkResult {
  const { decrypt, from, to, length } = bulk;
  const session = sessionOf(bulk);
  const { cipher, mac } = session;
  let done = 0;
  let iv = cipher?.iv.slice();
  try {
    do {
      const piece = memory.read(from + done, Math.min(SIZE, length - done));
      const result = piece === undefined ? undefined : session.process(decrypt, piece, done > 0);
      if (piece === undefined || (result !== undefined && !memory.write(to + done, result))) break;
      done += piece.length;
      iv = cipher?.iv.slice();
    } while (done < length && isWanted());
    return { done, iv, digest: done === length ? mac?.digest() : undefined };
  } catch {
    return { done, iv, digest: undefined };
  } finally {
    session.wipe();
  }
}
