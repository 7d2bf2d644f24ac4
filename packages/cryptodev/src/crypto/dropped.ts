/** What ends when it is closed, and may be closed more than once. */
export interface Closable {
  close(): void;
}

const dropped = new FinalizationRegistry<Closable>((work) => work.close());

/**
 * Ends the work of an object when that is collected. Programs for node:crypto may drop a hash or a cipher without a word,
 * so there is no warning.
 */
export function closeWhenCollected(user: object, work: Closable): void {
  dropped.register(user, work);
}
