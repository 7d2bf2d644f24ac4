import { Argument } from "@cryptodev/core/host";
import { PollSet } from "../poll_set.ts";
import type { ServerHost } from "../syscalls.ts";
import {
  SECCOMP_IOCTL_NOTIF_ADDFD,
  SECCOMP_IOCTL_NOTIF_ID_VALID,
  SECCOMP_IOCTL_NOTIF_RECV,
  SECCOMP_IOCTL_NOTIF_SEND,
  SECCOMP_USER_NOTIF_FLAG_CONTINUE,
  seccomp_notif,
  seccomp_notif_addfd,
  seccomp_notif_resp,
} from "../wire/seccomp.ts";

/** A call that the kernel has notified us of. Its caller waits. */
export interface NotifiedCall {
  /** The calling thread; 0 if it is not visible from here. */
  readonly pid: number;
  /** The caller's descriptor. */
  readonly fd: number;
  /** The address of the call's argument in the caller's memory. */
  readonly argument: number;
}

/** Receives the calls that a filter notifies of, one at a time, and answers them. */
export class Listener {
  readonly #host: ServerHost;
  readonly #fd: number;
  readonly #set: PollSet;
  readonly #received: Argument<typeof seccomp_notif>;
  readonly #response: Argument<typeof seccomp_notif_resp>;
  readonly #addition: Argument<typeof seccomp_notif_addfd>;

  /** @param wake - a descriptor that becomes readable when this listener is to stop */
  constructor(host: ServerHost, fd: number, wake: number) {
    this.#host = host;
    this.#fd = fd;
    this.#set = new PollSet(host, [wake, fd]);
    this.#received = new Argument(host, seccomp_notif);
    this.#response = new Argument(host, seccomp_notif_resp);
    this.#addition = new Argument(host, seccomp_notif_addfd);
  }

  /**
   * Waits for a call.
   *
   * @returns the call, or `undefined` if the listener is to stop
   */
  receive(): NotifiedCall | undefined {
    const { offset } = this.#received;
    for (;;) {
      const [isStopped, isReady] = this.#set.wait();
      if (isStopped) return undefined;
      if (!isReady) continue;
      // The kernel requires zeros.
      this.#received.bytes.fill(0);
      // A caller that was killed meanwhile is no longer reported.
      if (this.#host.ioctl(this.#fd, SECCOMP_IOCTL_NOTIF_RECV, this.#received) < 0) continue;
      return {
        pid: this.#received.getUint32(offset.pid),
        fd: this.#received.getUint32(offset.fd),
        argument: this.#received.getUint64(offset.argument),
      };
    }
  }

  /** Whether the caller still waits, so that its number does not refer to another process by now. */
  isWaiting(): boolean {
    return this.#host.ioctl(this.#fd, SECCOMP_IOCTL_NOTIF_ID_VALID, this.#received) === 0;
  }

  /**
   * Adds a descriptor of this process to the caller's, where it stays open on exec.
   *
   * @returns its number there, or a negative error number
   */
  add(fd: number): number {
    this.#copyId(this.#addition);
    this.#addition.setUint32(this.#addition.offset.srcfd, fd);
    return this.#host.ioctl(this.#fd, SECCOMP_IOCTL_NOTIF_ADDFD, this.#addition);
  }

  /** Lets the call return. @param error - 0, or a negative error number */
  send(error: number): void {
    this.#send(error, 0);
  }

  /** Lets the kernel carry out the call. */
  pass(): void {
    this.#send(0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
  }

  #send(error: number, flags: number): void {
    const { offset } = this.#response;
    this.#copyId(this.#response);
    this.#response.setUint32(offset.error, error);
    this.#response.setUint32(offset.flags, flags);
    // This fails if the caller was killed meanwhile.
    this.#host.ioctl(this.#fd, SECCOMP_IOCTL_NOTIF_SEND, this.#response);
  }

  /** The id is random in all of its 64 bits, more than a number has. */
  #copyId(target: Argument<typeof seccomp_notif_resp> | Argument<typeof seccomp_notif_addfd>): void {
    target.bytes.set(this.#received.bytes.subarray(0, 8));
  }

  close(): void {
    this.#host.close(this.#fd);
  }
}
