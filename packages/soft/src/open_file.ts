import { randomInt } from "node:crypto";
import { Errno } from "./errno.ts";
import type { Session } from "./session.ts";

/** One open file description of the device: what descriptors share that were cloned or inherited from each other. */
export class OpenFile {
  readonly #sessions = new Map<number, Session>();

  /** How many sessions are open. */
  get sessionCount(): number {
    return this.#sessions.size;
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
    if (session === undefined) throw new Errno(unknown);
    return session;
  }

  /** Ends a session; an unknown id is no error. */
  remove(id: number): void {
    this.#sessions.delete(id);
  }
}
