import type { Aead, Cipher, Hmac } from "@cryptodev/core";
import { type Bytes, withRoom } from "./bytes.ts";

/** Lets a session in a thread keep the memory of its data, which is not used again. */
export const transferred: Transferred = { transfer: true };

interface Transferred {
  readonly transfer: true;
}

/** What accompanies a message. */
export interface Message extends Transferred {
  readonly nonce: Bytes;
  readonly aad: Bytes | undefined;
}

/**
 * A session of AES-CBC or AES-CTR. All sessions here work at once, or in a thread, and then return promises. They may use
 * the memory of their data for the result.
 */
export interface CipherSession {
  encrypt(source: Bytes, iv: Bytes, options: Transferred): Result;
  decrypt(source: Bytes, iv: Bytes, options: Transferred): Result;
}

/** A session of AES-GCM. */
export interface AeadSession {
  seal(plaintext: Bytes, message: Message): Result;
  open(sealed: Bytes, message: Message): Result;
}

/** A session of a hash or an HMAC. */
export interface DigestSession {
  digest(data: Bytes, options: Transferred): Result;
}

/** A session for the operations of a key. */
export type KeySession = CipherSession | AeadSession | DigestSession;

type Result = Bytes | Promise<Bytes>;

/** A session of the device for the operations of a key, which work at once. */
export type AtOnceSession = Cipher<"aes-cbc"> | Cipher<"aes-ctr"> | Aead | Hmac;

/** Has a session of the device work in the memory of its data, because new memory for a result of 1 MiB costs as much. */
export function inPlace(session: AtOnceSession): KeySession {
  if ("digest" in session) return { digest: (data) => session.digest(data) };
  if ("seal" in session) {
    return {
      seal(plaintext, message) {
        const sealed = withRoom(plaintext);
        if (sealed.length < plaintext.length + session.tagSize) return session.seal(plaintext, message);
        return sealed.subarray(0, session.sealInto(plaintext, sealed, message));
      },
      open: (sealed, message) => sealed.subarray(0, session.openInto(sealed, sealed, message)),
    };
  }
  return {
    encrypt: (source, iv) => source.subarray(0, session.encryptInto(source, source, iv)),
    decrypt: (source, iv) => source.subarray(0, session.decryptInto(source, source, iv)),
  };
}

/**
 * Work with a session, in one form for both kinds: it yields the results of the session's methods, and continues with
 * the bytes.
 */
export type Work<T> = Generator<Result, T, Bytes>;

/** Does work with a session that works at once. */
export function atOnce<T>(work: Work<T>): T {
  let step = work.next();
  while (!step.done) step = work.next(step.value as Bytes);
  return step.value;
}

/** Does work with a session in a thread. */
export async function inTurn<T>(work: Work<T>): Promise<T> {
  let step = work.next();
  while (!step.done) {
    let bytes: Bytes;
    try {
      bytes = await step.value;
    } catch (error) {
      step = work.throw(error);
      continue;
    }
    step = work.next(bytes);
  }
  return step.value;
}
