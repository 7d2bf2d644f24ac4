/** A session in a thread. */
export interface Pooled {
  readonly closed: boolean;
  close(): Promise<void>;
}

interface Member<S> {
  readonly started: Promise<S>;
  /** When it has started. */
  session: S | undefined;
  /** How many pieces of work it has. */
  load: number;
  /** Whether it is closed once it has no work. */
  isLeaving: boolean;
}

/** So many calls for one key can run at the same time, if the machine has as many processors. */
const MAX_MEMBERS = 8;

/**
 * The sessions of one key in threads: a session belongs to one thread, so calls for one key run at the same time only in
 * several sessions.
 */
export class Pool<S extends Pooled> {
  #members: Member<S>[] = [];

  /**
   * Works with a session that is idle, or a new one if there may be more, or the one with the least work.
   *
   * @param start - starts a session
   */
  async use<T>(start: () => Promise<S>, work: (session: S) => Promise<T>): Promise<T> {
    const member = this.#idlest(start);
    member.load += 1;
    try {
      return await work(await member.started);
    } finally {
      member.load -= 1;
      closeIfDone(member);
    }
  }

  #idlest(start: () => Promise<S>): Member<S> {
    // Threads can end.
    this.#members = this.#members.filter(({ session }) => session?.closed !== true);
    const idlest = this.#members.reduce<Member<S> | undefined>(
      (one, other) => (one !== undefined && one.load <= other.load ? one : other),
      undefined,
    );
    if (idlest !== undefined && (idlest.load === 0 || this.#members.length === MAX_MEMBERS)) return idlest;
    const member: Member<S> = { started: start(), session: undefined, load: 0, isLeaving: false };
    this.#members.push(member);
    member.started.then(
      (session) => {
        member.session = session;
      },
      () => {
        this.#members = this.#members.filter((other) => other !== member);
      },
    );
    return member;
  }

  /** Closes the sessions when their work is done. Later work starts others. */
  close(): void {
    for (const member of this.#members) {
      member.isLeaving = true;
      closeIfDone(member);
    }
    this.#members = [];
  }
}

function closeIfDone({ started, load, isLeaving }: Member<Pooled>): void {
  if (!isLeaving || load > 0) return;
  // An error would not reach anybody.
  started.then((session) => session.close()).catch(() => {});
}
