/** Something that can be closed, more than once. */
export interface Closable {
  close(): void;
}

const dropped = new FinalizationRegistry<Closable>((work) => work.close());

/**
 * Closes the work of an object when the object is garbage-collected. There is no warning: programs written for
 * node:crypto may drop a hash or a cipher at any time.
 */
export function closeWhenCollected(user: object, work: Closable): void {
  dropped.register(user, work);
}
