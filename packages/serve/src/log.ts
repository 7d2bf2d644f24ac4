import { Buffer } from "node:buffer";
import { writeSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { Argument, type LibcHost, pollfd } from "@cryptodev/core";

/** POLLOUT and nothing else of `<poll.h>`: there is room, and somebody reads. */
const POLLOUT = 4;

/** A pipe that has room at all takes as much at once (PIPE_BUF, pipe(7)). */
const LONGEST = 4096;

const SECOND = 1000;

/**
 * The log of a server: lines on a descriptor. Whoever reads them may be slow or gone, which is nothing to those who call, and
 * any program can have a line written for each of its calls: what cannot be written at once, or is too much, is left out and
 * counted.
 */
export class Log {
  readonly #host: LibcHost;
  readonly #fd: number;
  readonly #perSecond: number;
  readonly #pollfd: Argument<typeof pollfd>;
  #since = 0;
  #lines = 0;
  #omitted = 0;

  /** @param perSecond - the most lines that it writes in a second */
  constructor(host: LibcHost, fd: number, perSecond: number) {
    this.#host = host;
    this.#fd = fd;
    this.#perSecond = perSecond;
    this.#pollfd = new Argument(host, pollfd);
  }

  /** Writes a line, or leaves it out. It never throws, and never waits. */
  write(line: string): void {
    const now = performance.now();
    if (now - this.#since >= SECOND) {
      this.#since = now;
      this.#lines = 0;
    }
    const isWritten =
      this.#lines < this.#perSecond && (this.#omitted === 0 || this.#writeOmitted()) && this.#tryToWrite(line);
    if (isWritten) this.#lines += 1;
    else this.#omitted += 1;
  }

  #writeOmitted(): boolean {
    const isWritten = this.#tryToWrite(`cryptodev: lines left out: ${this.#omitted}`);
    if (isWritten) this.#omitted = 0;
    return isWritten;
  }

  #tryToWrite(line: string): boolean {
    const { offset } = this.#pollfd;
    this.#pollfd.setUint32(offset.fd, this.#fd);
    this.#pollfd.setUint16(offset.events, POLLOUT);
    // Even a pipe that blocks is asked first: a full one would have every caller wait for its reader.
    if (this.#host.poll(this.#pollfd, 0) !== 1 || this.#pollfd.getUint16(offset.revents) !== POLLOUT) return false;
    try {
      writeSync(this.#fd, Buffer.from(`${line}\n`).subarray(0, LONGEST));
      return true;
    } catch {
      return false;
    }
  }
}
