import type { Descriptor } from "./descriptor.ts";

/**
 * What a session holds in the kernel. It is apart from the session object so that it can outlive it: when a session is
 * dropped without being closed, its lease is what is still known of it.
 */
export class Lease {
  readonly id: number;
  readonly label: string;
  readonly #descriptor: Descriptor;
  #ended: string | undefined;

  constructor(descriptor: Descriptor, id: number, label: string) {
    this.id = id;
    this.label = label;
    this.#descriptor = descriptor;
    descriptor.leases.add(this);
  }

  /** Why it ended; `undefined` while it goes on. */
  get ended(): string | undefined {
    return this.#ended;
  }

  /** Ends the kernel's session, once. */
  end(why: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = why;
    this.#descriptor.leases.delete(this);
    this.#descriptor.finish(this.id);
  }

  /** Ends the session of an object that is gone. */
  abandon(): void {
    if (this.#ended !== undefined) return;
    this.#descriptor.host.warn(
      `a session of ${this.label} on ${this.#descriptor.path} was dropped without close(); the kernel held it until now`,
    );
    this.end("it was dropped");
  }
}
