/** What one session did: the statistics that the original module logged when a session ended. */
export interface UsageRecord {
  /** Bytes encrypted or hashed. */
  readonly encrypted: number;
  /** Bytes decrypted. */
  readonly decrypted: number;
  /** Size of the largest operation, in bytes. */
  readonly biggest: number;
  /** Average size of an operation in bytes, rounded down. */
  readonly average: number;
  /** Number of operations. */
  readonly count: number;
}

/** Counts what a session does. */
export class Usage {
  #encrypted = 0;
  #decrypted = 0;
  #biggest = 0;
  #count = 0;

  add(decrypt: boolean, size: number): void {
    if (decrypt) this.#decrypted += size;
    else this.#encrypted += size;
    this.#biggest = Math.max(this.#biggest, size);
    this.#count += 1;
  }

  record(): UsageRecord {
    const [encrypted, decrypted, biggest, count] = [this.#encrypted, this.#decrypted, this.#biggest, this.#count];
    return {
      encrypted,
      decrypted,
      biggest,
      average: count === 0 ? 0 : Math.floor((encrypted + decrypted) / count),
      count,
    };
  }
}

/** The line that the original module logged. */
export function usageLine({ encrypted, decrypted, biggest, average, count }: UsageRecord): string {
  return `Usage in Bytes: enc=${encrypted}, dec=${decrypted}, max=${biggest}, avg=${average}, cnt=${count}`;
}
