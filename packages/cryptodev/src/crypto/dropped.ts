import type { Session } from "@cryptodev/core";

const dropped = new FinalizationRegistry<Session>((session) => session.close());

/**
 * Ends a session when the object that uses it is collected. Programs for node:crypto may drop a hash or a cipher without
 * a word, so there is no warning.
 */
export function endsWith(user: object, session: Session): void {
  dropped.register(user, session);
}
