import { CryptodevError, type HashName, type KeyedMacName } from "@cryptodev/core";
import { checkSizes, copyInto, equalInConstantTime, sizeOf } from "@cryptodev/core/host";
import { checkRoom, copied, copiedKey, dataOf, deliver } from "../arguments.ts";
import type { AsyncOptions, Executor, Started } from "../executor.ts";
import type { Argument, CallMethod } from "../protocol.ts";
import { AsyncSession } from "./session.ts";

/**
 * The common base of {@link AsyncHash} and {@link AsyncHmac}. One session computes any number of digests, one after the
 * other.
 */
export abstract class AsyncMessageSession extends AsyncSession {
  #isLost = false;

  /** The algorithm's name, in this library's form. */
  get name(): HashName | KeyedMacName {
    return this.started.name as HashName | KeyedMacName;
  }

  /** Bytes in a digest. */
  get digestSize(): number {
    return this.started.digestSize as number;
  }

  override get closed(): boolean {
    return this.#isLost || super.closed;
  }

  /**
   * Hashes the next part of the message, like {@link MessageSession.update}. It cannot be aborted, because the message
   * would be incomplete.
   *
   * @param data - any number of bytes
   * @returns this session; every error of {@link MessageSession.update} rejects the promise
   * @example
   * ```ts
   * import { openAsync } from "cryptodev";
   *
   * const device = await openAsync({ backend: "auto" });
   * const sha = await device.hash("sha256");
   * const encoder = new TextEncoder();
   * const updates = [sha.update(encoder.encode("a")), sha.update(encoder.encode("b"))]; // in this order, even without await
   * const digest = await sha.digest(encoder.encode("c"));
   * await Promise.all(updates);
   * console.log(digest.length); // 32
   * await device.close();
   * ```
   */
  async update(data: Uint8Array): Promise<this> {
    await this.call("update", [copied(data, "data", this.name)]);
    return this;
  }

  /**
   * Ends the message and returns its digest in new memory, like {@link MessageSession.digest}. Then the session is ready
   * for the next message, also if the operation was aborted.
   *
   * @param data - the last part of the message, or all of it
   * @returns {@link AsyncMessageSession.digestSize} bytes; every error of {@link MessageSession.digest} rejects the
   * promise
   */
  async digest(data?: Uint8Array, options?: AsyncOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.#digest(data, options, []);
  }

  /**
   * Ends the message and writes its digest to existing memory, when the operation has succeeded; like
   * {@link MessageSession.digestInto}.
   *
   * @param destination - at least {@link AsyncMessageSession.digestSize} bytes
   * @returns the number of bytes written; every error of {@link MessageSession.digestInto} rejects the promise, as does
   * a destination that was detached or shrank meanwhile
   */
  async digestInto(destination: Uint8Array, data?: Uint8Array, options?: AsyncOptions): Promise<number> {
    checkRoom(destination, this.digestSize, "destination", this.name);
    return deliver(await this.#digest(data, options, [destination]), destination, "destination", this.name);
  }

  async #digest(
    data: Uint8Array | undefined,
    options: AsyncOptions | undefined,
    destinations: readonly Uint8Array[],
  ): Promise<Uint8Array<ArrayBuffer>> {
    const args = [dataOf(data, "data", this.name, options, 0, destinations)];
    return (await this.call("digest", args, options)) as Uint8Array<ArrayBuffer>;
  }

  /** @internal */
  protected override async call(
    method: CallMethod,
    args: readonly Argument[],
    options?: AsyncOptions,
  ): Promise<unknown> {
    try {
      return await super.call(method, args, options);
    } catch (error) {
      // The session ended in its thread: if the kernel refuses part of a message, the message is lost.
      if (error instanceof CryptodevError && method !== "info") this.#isLost = true;
      throw error;
    }
  }
}

/** A session that hashes, like {@link Hash}. {@link AsyncDevice.hash} starts it. */
export class AsyncHash extends AsyncMessageSession {
  /** The hash's name. */
  override get name(): HashName {
    return super.name as HashName;
  }

  /**
   * Starts a second session, in the same thread, that continues the message of this one, like {@link Hash.copy}.
   *
   * @returns the new session; every error of {@link Hash.copy} rejects the promise
   */
  copy(): Promise<AsyncHash> {
    return this.startBeside((executor, started) => new AsyncHash(executor, started), "copy", []);
  }
}

/** A session that computes an HMAC (RFC 2104), like {@link Hmac}. {@link AsyncDevice.hmac} starts it. */
export class AsyncHmac extends AsyncMessageSession {
  /** The mac's name: `hmac-` followed by that of the hash. */
  override get name(): KeyedMacName {
    return super.name as KeyedMacName;
  }

  /**
   * Ends the message and compares its mac with an expected one, in constant time, like {@link Hmac.verify}.
   *
   * @param data - the last part of the message, or all of it
   * @param mac - {@link AsyncMessageSession.digestSize} bytes: the expected mac, not a shortened one
   * @returns whether they are equal; every error of {@link Hmac.verify} rejects the promise
   * @example
   * ```ts
   * import { openAsync } from "cryptodev";
   *
   * const device = await openAsync({ backend: "auto" });
   * const hmac = await device.hmac("sha256", crypto.getRandomValues(new Uint8Array(32)));
   * const message = new TextEncoder().encode("message");
   * console.log(await hmac.verify(message, await hmac.digest(message))); // true
   * await device.close();
   * ```
   */
  async verify(data: Uint8Array, mac: Uint8Array, options?: AsyncOptions): Promise<boolean> {
    sizeOf(data, "data", this.name);
    const expected = new Uint8Array(checkSizes(mac, [this.digestSize], "mac", this.name, data, "data, mac"));
    copyInto(expected, mac);
    const computed = await this.digest(data, options);
    const isEqual = equalInConstantTime(computed, expected);
    computed.fill(0);
    return isEqual;
  }

  /**
   * Starts a second session, in the same thread, that continues the message of this one, like {@link Hmac.copy}.
   *
   * @param key - the key of this session, which does not keep it
   * @returns the new session; every error of {@link Hmac.copy} rejects the promise
   */
  async copy(key: Uint8Array): Promise<AsyncHmac> {
    const make = (executor: Executor, started: Started) => new AsyncHmac(executor, started);
    return this.startBeside(make, "copy", [copiedKey(key, "key", this.name)]);
  }
}
