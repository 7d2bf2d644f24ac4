import { Buffer } from "node:buffer";
import { writeSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { POLLOUT, pollfd } from "@cryptodev/core/abi";
import { Argument, type Host } from "@cryptodev/core/host";

/** A pipe that has room at all accepts this much at once (PIPE_BUF, pipe(7)). */
const LONGEST = 4096;

const SECOND = 1000;

/**
 * The log of a server: lines on a descriptor. The reader may be slow or gone, which must not delay callers, and any
 * program can cause a line with each of its calls. So a line that cannot be written at once, or exceeds the rate, is
 * omitted and counted.
 */
export class Log {
  readonly #host: Host;
  readonly #fd: number;
  readonly #perSecond: number;
  readonly #pollfd: Argument<typeof pollfd>;
  #since = 0;
  #lines = 0;
  #omitted = 0;

  /** @param perSecond - the maximum number of lines per second */
  constructor(host: Host, fd: number, perSecond: number) {
    this.#host = host;
    this.#fd = fd;
    this.#perSecond = perSecond;
    this.#pollfd = new Argument(host, pollfd);
  }

  /** Writes a line, or omits it. It never throws and never waits. */
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
    const isWritten = this.#tryToWrite(`cryptodev: lines omitted: ${this.#omitted}`);
    if (isWritten) this.#omitted = 0;
    return isWritten;
  }

  #tryToWrite(line: string): boolean {
    const { offset } = this.#pollfd;
    this.#pollfd.setUint32(offset.fd, this.#fd);
    this.#pollfd.setUint16(offset.events, POLLOUT);
    // Even a blocking pipe is polled first: if it were full, every caller would wait for its reader.
    // Only POLLOUT: there is room, and the other end is open.
    if (this.#host.poll(this.#pollfd, 0) !== 1 || this.#pollfd.getUint16(offset.revents) !== POLLOUT) return false;
    try {
      writeSync(this.#fd, Buffer.from(`${line}\n`).subarray(0, LONGEST));
      return true;
    } catch {
      return false;
    }
  }
}
