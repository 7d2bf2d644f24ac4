import { randomInt } from "node:crypto";
import { POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "@cryptodev/core";
import { Errno } from "./errno.ts";
import type { Job } from "./job.ts";
import type { Session } from "./session.ts";

/** The maximum number of outstanding asynchronous operations of one file. */
const MOST_JOBS = 64;

/** An open file description of the device, shared by descriptors that were cloned or inherited from each other. */
export class OpenFile {
  readonly #sessions = new Map<number, Session>();
  readonly #jobs: Job[] = [];
  readonly #mostSessions: number;

  constructor(mostSessions: number) {
    this.#mostSessions = mostSessions;
  }

  /** How many asynchronous operations wait to be fetched. */
  get jobCount(): number {
    return this.#jobs.length;
  }

  /** How many sessions are open. */
  get sessionCount(): number {
    return this.#sessions.size;
  }

  /**
   * Checks that one more session is allowed.
   *
   * @throws {Errno} with `ENOMEM` if the maximum is reached
   */
  requireRoom(): void {
    if (this.#sessions.size >= this.#mostSessions)
      throw new Errno("ENOMEM", `${this.#mostSessions} sessions are already open`);
  }

  /** Adds a session under a new id, which is random as the driver's are. */
  add(session: Session): number {
    let id: number;
    do {
      id = randomInt(2 ** 32);
    } while (this.#sessions.has(id));
    this.#sessions.set(id, session);
    return id;
  }

  /** @throws {Errno} with `unknown`, which defaults to `EINVAL`, if this file does not have a session with the id */
  find(id: number, unknown: "EINVAL" | "ENOENT" = "EINVAL"): Session {
    const session = this.#sessions.get(id);
    if (session === undefined) throw new Errno(unknown, `there is no session ${id}`);
    return session;
  }

  /**
   * Removes a session.
   *
   * @returns the session; `undefined` if the id is unknown, which is not an error
   */
  remove(id: number): Session | undefined {
    const session = this.#sessions.get(id);
    this.#sessions.delete(id);
    return session;
  }

  /** The ids of all sessions. */
  ids(): number[] {
    return [...this.#sessions.keys()];
  }

  /**
   * Queues a finished operation until it is fetched.
   *
   * @throws {Errno} with `EBUSY` if too many are outstanding
   */
  queue(job: () => Job): void {
    if (this.#jobs.length >= MOST_JOBS) throw new Errno("EBUSY", `${MOST_JOBS} operations are already outstanding`);
    this.#jobs.push(job());
  }

  /**
   * Removes and returns the oldest operation.
   *
   * @throws {Errno} with `EBUSY` if no operation is queued
   */
  fetch(): Job {
    const job = this.#jobs.shift();
    if (job === undefined) throw new Errno("EBUSY", "no operation is finished");
    return job;
  }

  /** The events that `poll(2)` reports: readable if an operation can be fetched, writable if one can be submitted. */
  ready(): number {
    const readable = this.#jobs.length > 0 ? POLLIN | POLLRDNORM : 0;
    return readable | (this.#jobs.length < MOST_JOBS ? POLLOUT | POLLWRNORM : 0);
  }
}
