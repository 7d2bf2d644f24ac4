import { Argument } from "@cryptodev/core/host";
import type { ServerHost } from "./syscalls.ts";

/** `EFD_CLOEXEC` of `<sys/eventfd.h>`: O_CLOEXEC. */
const EFD_CLOEXEC = 0o2000000;

const count = { name: "count", fields: [["value", "u64"]] } as const;

/** A descriptor that becomes readable when a thread raises it (eventfd(2)). Each thread has an object of its own. */
export class Event {
  readonly fd: number;
  readonly #host: ServerHost;
  readonly #count: Argument<typeof count>;

  /** @param fd - that of an event of another thread; defaults to a new one */
  constructor(host: ServerHost, fd: number = host.eventfd(0, EFD_CLOEXEC)) {
    this.fd = fd;
    this.#host = host;
    this.#count = new Argument(host, count);
  }

  raise(): void {
    this.#count.setUint64(this.#count.offset.value, 1);
    this.#host.write(this.fd, this.#count.address, this.#count.bytes.length);
  }

  /** Makes it unreadable. If it was not raised, this waits until it is. */
  clear(): void {
    this.#host.read(this.fd, this.#count.address, this.#count.bytes.length);
  }

  close(): void {
    this.#host.close(this.fd);
  }
}
