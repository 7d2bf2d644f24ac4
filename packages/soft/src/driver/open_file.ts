import { randomInt } from "node:crypto";
import { POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "@cryptodev/core/abi";
import { Errno } from "../errno.ts";
import type { DriverSession } from "./session.ts";

/** The maximum number of outstanding asynchronous operations of one file. */
const MAX_QUEUED = 64;

/** An asynchronous operation that has run, and waits to be fetched. */
export interface QueuedOperation {
  /** Why it failed; the fetch fails with the same error. */
  readonly failure: Errno | undefined;
  /** The submitted struct, as the operation left it. */
  readonly struct: Uint8Array;
  /** Whether its digest is that of a state that was continued after it had ended. */
  readonly isMeaningless: boolean;
  /** Writes digest and iv to the caller. */
  deliver(): void;
}

/** An open file description of the device, shared by descriptors that were cloned or inherited from each other. */
export class OpenFile {
  readonly #sessions = new Map<number, DriverSession>();
  /** The session that was found last. Most calls use it again, and a map takes longer. */
  #found: DriverSession | undefined;
  #foundId = 0;
  readonly #queue: QueuedOperation[] = [];

  /** How many asynchronous operations wait to be fetched. */
  get queuedCount(): number {
    return this.#queue.length;
  }

  /** How many sessions are open. */
  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Adds a session under a new id, which is random as the driver's are. */
  add(session: DriverSession): number {
    let id: number;
    do {
      id = randomInt(2 ** 32);
    } while (this.#sessions.has(id));
    this.#sessions.set(id, session);
    return id;
  }

  /** @throws {Errno} with `unknown`, which defaults to `EINVAL`, if this file does not have a session with the id */
  find(id: number, unknown: "EINVAL" | "ENOENT" = "EINVAL"): DriverSession {
    if (this.#found !== undefined && id === this.#foundId) return this.#found;
    const session = this.#sessions.get(id);
    if (session === undefined) throw new Errno(unknown, `there is no session ${id}`);
    this.#found = session;
    this.#foundId = id;
    return session;
  }

  /**
   * Removes a session.
   *
   * @returns the session; `undefined` if the id is unknown, which is not an error
   */
  remove(id: number): DriverSession | undefined {
    const session = this.#sessions.get(id);
    this.#sessions.delete(id);
    this.#found = undefined;
    return session;
  }

  /** The ids of all sessions. */
  ids(): number[] {
    return [...this.#sessions.keys()];
  }

  /** @throws {Errno} with `EBUSY` if too many operations are outstanding */
  requireRoom(): void {
    if (this.#queue.length >= MAX_QUEUED) throw new Errno("EBUSY", `${MAX_QUEUED} operations are already outstanding`);
  }

  /** Queues an operation until it is fetched. */
  queue(operation: QueuedOperation): void {
    this.#queue.push(operation);
  }

  /**
   * Removes and returns the oldest operation.
   *
   * @throws {Errno} with `EBUSY` if no operation is queued
   */
  fetch(): QueuedOperation {
    const oldest = this.#queue.shift();
    if (oldest === undefined) throw new Errno("EBUSY", "no operation is finished");
    return oldest;
  }

  /** The events that `poll(2)` reports: readable if an operation can be fetched, writable if one can be submitted. */
  ready(): number {
    const readable = this.#queue.length > 0 ? POLLIN | POLLRDNORM : 0;
    return readable | (this.#queue.length < MAX_QUEUED ? POLLOUT | POLLWRNORM : 0);
  }
}
