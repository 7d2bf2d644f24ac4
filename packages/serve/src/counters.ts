/** What a server counts. The numbers are shared memory: the thread that serves is never asked, it has no time. */
const names = ["files", "sessions", "calls", "refused", "hazards", "encrypted", "decrypted"] as const;

/** What a server did so far. */
export interface ServerStatistics {
  /** Files that are open now. */
  readonly files: number;
  /** Sessions that are open now. */
  readonly sessions: number;
  /** Ioctls that were answered. */
  readonly calls: number;
  /** How many of them with an error. */
  readonly refused: number;
  /** How many of them a kernel would not have survived. */
  readonly hazards: number;
  /** Bytes that ended sessions encrypted or hashed; counted with `enableStats` alone. */
  readonly encrypted: number;
  /** Bytes that ended sessions decrypted; counted with `enableStats` alone. */
  readonly decrypted: number;
}

/** The counters of one server, on whichever of its threads. */
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
