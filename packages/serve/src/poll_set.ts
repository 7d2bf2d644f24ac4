import { POLLIN } from "@cryptodev/core/abi";
import { Argument } from "@cryptodev/core/host";
import type { ServerHost } from "./syscalls.ts";

/** The layout of a `pollfd`, which is the same on all machines. */
const pollfd = { size: 8, fd: 0, events: 4, revents: 6 } as const;

/** Descriptors to wait for; negative ones are ignored. */
export class PollSet {
  readonly #host: ServerHost;
  readonly #count: number;
  readonly #pollfds: Argument;

  constructor(host: ServerHost, fds: readonly number[]) {
    this.#host = host;
    this.#count = fds.length;
    this.#pollfds = new Argument(host, { name: "pollfds", fields: [["words", "u32", fds.length * 2]] });
    for (const [index, fd] of fds.entries()) {
      this.#pollfds.setUint32(index * pollfd.size + pollfd.fd, fd);
      this.#pollfds.setUint16(index * pollfd.size + pollfd.events, POLLIN);
    }
  }

  /** Ignores a descriptor from now on. @param index - its position */
  drop(index: number): void {
    this.#pollfds.setUint32(index * pollfd.size + pollfd.fd, -1);
  }

  /**
   * Waits until something can be read, or an error can be seen.
   *
   * @returns for each descriptor, whether that is so
   */
  wait(): readonly boolean[] {
    const isReady = this.#host.ppoll(this.#pollfds.address, this.#count, 0, 0) > 0;
    return Array.from({ length: this.#count }, (_, index) => {
      return isReady && this.#pollfds.getUint16(index * pollfd.size + pollfd.revents) !== 0;
    });
  }
}
