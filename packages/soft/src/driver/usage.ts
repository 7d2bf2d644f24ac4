/** What a session did, reported when it ends: the statistics of the original module. Sizes are in bytes. */
export interface SessionUsage {
  /** The session's id. */
  readonly ses: number;
  /** The name of its cipher; `undefined` if it has none. */
  readonly cipher: string | undefined;
  /** The name of its mac; `undefined` if it has none. */
  readonly mac: string | undefined;
  /** Number of operations. */
  readonly operations: number;
  /** Bytes encrypted or hashed. */
  readonly encrypted: number;
  /** Bytes decrypted. */
  readonly decrypted: number;
  /** Bytes of data in the largest operation. */
  readonly largest: number;
  /** Average bytes of data in an operation, rounded down. */
  readonly average: number;
}

/** Counts what a session does. */
export class UsageCounter {
  #operations = 0;
  #encrypted = 0;
  #decrypted = 0;
  #largest = 0;

  add(decrypt: boolean, size: number): void {
    this.#operations += 1;
    if (decrypt) this.#decrypted += size;
    else this.#encrypted += size;
    if (size > this.#largest) this.#largest = size;
  }

  /** Returns the current counts as those of this session. */
  report(session: Pick<SessionUsage, "ses" | "cipher" | "mac">): SessionUsage {
    const [operations, encrypted, decrypted] = [this.#operations, this.#encrypted, this.#decrypted];
    const average = operations === 0 ? 0 : Math.floor((encrypted + decrypted) / operations);
    return { ...session, operations, encrypted, decrypted, largest: this.#largest, average };
  }
}

/** The line that the original module logged. */
export function usageLine({ encrypted, decrypted, largest, average, operations }: SessionUsage): string {
  return `Usage in Bytes: enc=${encrypted}, dec=${decrypted}, max=${largest}, avg=${average}, cnt=${operations}`;
}
