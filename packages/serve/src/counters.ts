/**
 * The counters of a server, in shared memory, so that the serving thread does not have to be interrupted to read them.
 */
const names = ["files", "sessions", "calls", "refused", "crashes", "encrypted", "decrypted"] as const;

/** What a server has done so far. */
export interface ServerStatistics {
  /** Number of files that are open now. */
  readonly files: number;
  /** Number of sessions that are open now. */
  readonly sessions: number;
  /** Number of ioctls that were answered. */
  readonly calls: number;
  /** How many of them returned an error. */
  readonly refused: number;
  /** How many of them would have crashed a kernel. */
  readonly crashes: number;
  /** Bytes that ended sessions encrypted or hashed; counted only with `enableStats`. */
  readonly encrypted: number;
  /** Bytes that ended sessions decrypted; counted only with `enableStats`. */
  readonly decrypted: number;
}

/** The counters of one server, readable and writable from each of its threads. */
export class Counters {
  readonly shared: SharedArrayBuffer;
  readonly #values: Float64Array;

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(names.length * 8)) {
    this.shared = shared;
    this.#values = new Float64Array(shared);
  }

  add(name: keyof ServerStatistics, amount: number): void {
    const index = names.indexOf(name);
    this.#values[index] = (this.#values[index] as number) + amount;
  }

  read(): ServerStatistics {
    return Object.fromEntries(names.map((name, index) => [name, this.#values[index]])) as unknown as ServerStatistics;
  }
}
