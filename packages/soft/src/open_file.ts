import { randomInt } from "node:crypto";
import { Errno } from "./errno.ts";
import type { Job } from "./job.ts";
import type { Session } from "./session.ts";

/** Asynchronous operations that can be outstanding on one file. */
const MOST_JOBS = 64;

/** Events of `<poll.h>`: POLLIN with POLLRDNORM, POLLOUT with POLLWRNORM. */
const READABLE = 0x041;
const WRITABLE = 0x104;

/** One open file description of the device: what descriptors share that were cloned or inherited from each other. */
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

  /** Refuses one session more than there may be. @throws `Errno` ENOMEM */
  requireRoom(): void {
    if (this.#sessions.size >= this.#mostSessions) throw new Errno("ENOMEM", `${this.#mostSessions} sessions are open`);
  }

  /** Adds a session under an id of its own, which is random as the driver's are. */
  add(session: Session): number {
    let id: number;
    do {
      id = randomInt(2 ** 32);
    } while (this.#sessions.has(id));
    this.#sessions.set(id, session);
    return id;
  }

  /** @throws `Errno`, EINVAL unless told otherwise, where the id is not one of this file's */
  find(id: number, unknown: "EINVAL" | "ENOENT" = "EINVAL"): Session {
    const session = this.#sessions.get(id);
    if (session === undefined) throw new Errno(unknown, `there is no session ${id}`);
    return session;
  }

  /** Takes a session out; `undefined` for an unknown id, which is no error. */
  remove(id: number): Session | undefined {
    const session = this.#sessions.get(id);
    this.#sessions.delete(id);
    return session;
  }

  /** The ids of all sessions. */
  ids(): number[] {
    return [...this.#sessions.keys()];
  }

  /** Queues a finished operation until it is fetched. @throws `Errno` EBUSY where too many are outstanding */
  queue(job: () => Job): void {
    if (this.#jobs.length >= MOST_JOBS) throw new Errno("EBUSY", `${MOST_JOBS} operations are outstanding`);
    this.#jobs.push(job());
  }

  /** Takes the oldest operation out. @throws `Errno` EBUSY where there is none */
  fetch(): Job {
    const job = this.#jobs.shift();
    if (job === undefined) throw new Errno("EBUSY", "no operation is finished");
    return job;
  }

  /** What `poll(2)` finds ready: something to fetch, room to submit. */
  ready(): number {
    return (this.#jobs.length > 0 ? READABLE : 0) | (this.#jobs.length < MOST_JOBS ? WRITABLE : 0);
  }
}
