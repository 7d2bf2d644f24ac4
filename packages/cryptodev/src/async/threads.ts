import type { Remote } from "./remote.ts";

/** The threads of a device. They are started as sessions need them, and stay until the device is closed. */
export class Threads {
  readonly #most: number;
  readonly #make: () => Remote;
  readonly #remotes = new Set<Remote>();

  /**
   * Starts no thread yet.
   *
   * @param most - the largest number of threads
   */
  constructor(most: number, make: () => Remote) {
    this.#most = most;
    this.#make = make;
  }

  /** Returns any thread. Starts one if there is none. */
  any(): Remote {
    return this.#usable()[0] ?? this.#add();
  }

  /** Returns the thread with the fewest sessions. Starts one if all have some, and there may be more threads. */
  forSession(): Remote {
    const usable = this.#usable();
    const [first = this.#add(), ...others] = usable;
    const least = others.reduce((one, other) => (other.load < one.load ? other : one), first);
    return least.load > 0 && usable.length < this.#most ? this.#add() : least;
  }

  /** Threads that ended are not used again, and do not count. */
  #usable(): readonly Remote[] {
    return [...this.#remotes].filter((remote) => !remote.closed);
  }

  #add(): Remote {
    const remote = this.#make();
    this.#remotes.add(remote);
    remote.gone.then(() => this.#remotes.delete(remote));
    return remote;
  }

  /** Closes all threads, even if one fails. */
  async close(): Promise<void> {
    const endings = await Promise.allSettled([...this.#remotes].map((remote) => remote.close()));
    const failed = endings.find((ending) => ending.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }
}
