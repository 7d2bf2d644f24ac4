import { constants } from "node:fs";
import { errnoName, errnos, type Layout, layout, O_RDWR, type Struct } from "@cryptodev/core/abi";
import { Argument } from "@cryptodev/core/host";
import { F_SETFL, type ServerHost } from "../syscalls.ts";
import { fuse_in_header, fuse_out_header, type Operation, operationOf } from "./fuse.ts";

/** The kernel does not accept a smaller buffer; the largest request is a `write(2)`, which is refused. */
const BUFFER = 2 ** 16;
/** The most bytes that a caller may write at once. */
export const MAX_WRITE = 4096;

/** Memory for a message: a header and its body. */
const message = (size: number): Struct => ({ name: "message", fields: [["bytes", "char", size]] });

/** The body of a message, after the header. */
export interface Body<S extends Struct = Struct> {
  /** Where it ends if nothing follows. */
  readonly end: number;
  /** Offsets of its members, from the start of the message. */
  readonly at: Layout<S>["offset"];
}

/**
 * Receives the requests of a kernel that speaks FUSE or CUSE over a descriptor, one at a time, and sends the replies.
 */
export class Messages {
  /** The request that was received last. */
  readonly request: Argument;
  /** The reply to be sent. */
  readonly reply: Argument;
  readonly #host: ServerHost;
  readonly #fd: number;
  #waits = true;
  readonly #in: Layout<typeof fuse_in_header>;
  readonly #out: Layout<typeof fuse_out_header>;

  constructor(host: ServerHost, fd: number) {
    this.request = new Argument(host, message(BUFFER));
    this.reply = new Argument(host, message(MAX_WRITE));
    this.#host = host;
    this.#fd = fd;
    this.#in = layout(fuse_in_header, host.machine);
    this.#out = layout(fuse_out_header, host.machine);
  }

  /** Returns the layout of a request's body. */
  requestBody<const S extends Struct>(struct: S): Body<S> {
    return this.#body(struct, this.#in.size);
  }

  /** Returns the layout of a reply's body. */
  replyBody<const S extends Struct>(struct: S): Body<S> {
    return this.#body(struct, this.#out.size);
  }

  #body<S extends Struct>(struct: S, start: number): Body<S> {
    const { size, offset } = layout(struct, this.#host.machine);
    const at = Object.fromEntries(Object.entries<number>(offset).map(([name, place]) => [name, start + place]));
    return { end: start + size, at: at as Layout<S>["offset"] };
  }

  /**
   * Waits for a request.
   *
   * @returns its length in bytes, or a negative error number
   */
  receive(): number {
    return this.#host.read(this.#fd, this.request.address, this.request.bytes.length);
  }

  /** Sets whether {@link Messages.receive} waits for a request. If not, it fails with EAGAIN if there is none. */
  setWaiting(waits: boolean): void {
    if (waits === this.#waits) return;
    this.#waits = waits;
    this.#host.fcntl(this.#fd, F_SETFL, waits ? O_RDWR : O_RDWR | constants.O_NONBLOCK);
  }

  /** The number by which the kernel identifies the request; it is less than 2 ** 53. */
  get unique(): number {
    return this.request.getUint64(this.#in.offset.unique);
  }

  /** What the request asks for; `undefined` if the server does not know it. */
  get operation(): Operation | undefined {
    return operationOf(this.request.getUint32(this.#in.offset.opcode));
  }

  /** The calling thread; 0 if it is not visible from here. */
  get pid(): number {
    return this.request.getUint32(this.#in.offset.pid);
  }

  /** Starts a reply, with a body of zeros. */
  start<S extends Struct>(body: Body<S>): Body<S> {
    this.reply.bytes.fill(0, this.#out.size, body.end);
    return body;
  }

  /**
   * Replies to the request.
   *
   * @param error - 0, or a negative error number
   * @param end - where the reply ends; defaults to the end of its header
   */
  send(error: number, end: number = this.#out.size): void {
    const from = this.#in.offset.unique;
    const to = this.#out.offset.unique;
    this.reply.setUint32(to, this.request.getUint32(from));
    this.reply.setUint32(to + 4, this.request.getUint32(from + 4));
    this.#write(error, end);
  }

  /**
   * Sends a notification, which is not a reply to a request.
   *
   * @param code - the kind of notification, in the place of an error
   */
  notify(code: number, end: number): void {
    this.reply.setUint64(this.#out.offset.unique, 0);
    this.#write(code, end);
  }

  #write(error: number, end: number): void {
    this.reply.setUint32(this.#out.offset.len, end);
    this.reply.setUint32(this.#out.offset.error, error);
    const result = this.#host.write(this.#fd, this.reply.address, end);
    // ENOENT: the caller no longer waits for this reply. ENODEV: the device is gone, which the next read reports too.
    if (result < 0 && result !== -errnos.ENOENT && result !== -errnos.ENODEV) {
      throw new Error(`replying to ${this.operation ?? "an unknown request"}: ${errnoName(-result)}`);
    }
  }
}
