import { errnoName, errnos } from "@cryptodev/core/abi";
import type { ServerHost } from "../syscalls.ts";
import {
  FOPEN_DIRECT_IO,
  FOPEN_NOFLUSH,
  FUSE_KERNEL_MINOR_VERSION,
  FUSE_KERNEL_VERSION,
  fuse_attr_out,
  fuse_init_out,
  fuse_open_out,
  fuse_read_in,
  fuse_write_in,
  fuse_write_out,
  type Operation,
} from "../wire/fuse.ts";
import { MAX_WRITE, Messages } from "../wire/messages.ts";

/** A regular file that its owner may write, and everybody read; sysfs reports a page as the size of each. */
const [MODE, SIZE] = [0o100644, 4096];

/** A number in a file of its own, as in `/sys/module`: what is written takes effect before write(2) returns. */
export class ParameterFile {
  readonly #messages: Messages;
  readonly #most: number;
  readonly #value: Int32Array;
  readonly #handlers: Readonly<Partial<Record<Operation, (length: number) => void>>>;

  /**
   * @param fd - the opened `/dev/fuse`
   * @param most - the largest value
   * @param value - where the value is, in shared memory
   */
  constructor(host: ServerHost, fd: number, most: number, value: Int32Array) {
    this.#messages = new Messages(host, fd);
    this.#most = most;
    this.#value = value;
    this.#handlers = {
      FUSE_INIT: () => this.#init(),
      FUSE_GETATTR: () => this.#attributes(),
      // O_TRUNC, which precedes each write of a shell.
      FUSE_SETATTR: () => this.#attributes(),
      FUSE_OPEN: () => this.#open(),
      FUSE_READ: () => this.#read(),
      FUSE_WRITE: (length) => this.#write(length),
      FUSE_RELEASE: () => this.#messages.send(0),
      FUSE_FORGET: () => {},
      FUSE_BATCH_FORGET: () => {},
      FUSE_INTERRUPT: () => {},
    };
  }

  /**
   * Answers a request.
   *
   * @returns whether there can be more
   */
  answer(): boolean {
    const length = this.#messages.receive();
    if (length === -errnos.ENODEV) return false;
    // ENOENT: the request was withdrawn before it could be read.
    if (length === -errnos.EINTR || length === -errnos.EAGAIN || length === -errnos.ENOENT) return true;
    if (length < 0) throw new Error(`reading requests: ${errnoName(-length)}`);
    const { operation } = this.#messages;
    const handler = operation === undefined ? undefined : this.#handlers[operation];
    if (handler === undefined) this.#messages.send(-errnos.ENOSYS);
    else handler(length);
    return true;
  }

  #init(): void {
    const { reply } = this.#messages;
    const { end, at } = this.#messages.start(this.#messages.replyBody(fuse_init_out));
    reply.setUint32(at.major, FUSE_KERNEL_VERSION);
    reply.setUint32(at.minor, FUSE_KERNEL_MINOR_VERSION);
    reply.setUint32(at.max_write, MAX_WRITE);
    this.#messages.send(0, end);
  }

  #attributes(): void {
    const { reply } = this.#messages;
    const { end, at } = this.#messages.start(this.#messages.replyBody(fuse_attr_out));
    reply.setUint64(at.ino, 1);
    reply.setUint64(at.size, SIZE);
    reply.setUint32(at.mode, MODE);
    reply.setUint32(at.nlink, 1);
    this.#messages.send(0, end);
  }

  #open(): void {
    const { end, at } = this.#messages.start(this.#messages.replyBody(fuse_open_out));
    this.#messages.reply.setUint32(at.open_flags, FOPEN_DIRECT_IO | FOPEN_NOFLUSH);
    this.#messages.send(0, end);
  }

  #read(): void {
    const { request, reply } = this.#messages;
    const { at } = this.#messages.requestBody(fuse_read_in);
    const text = new TextEncoder().encode(`${Atomics.load(this.#value, 0)}\n`);
    const start = request.getUint64(at.offset);
    const part = text.subarray(start, start + request.getUint32(at.size));
    const { end } = this.#messages.replyBody({ name: "nothing", fields: [] });
    reply.bytes.set(part, end);
    this.#messages.send(0, end + part.length);
  }

  #write(length: number): void {
    const { request, reply } = this.#messages;
    const text = new TextDecoder().decode(
      request.bytes.subarray(this.#messages.requestBody(fuse_write_in).end, length),
    );
    const [, digits] = /^\s*(\d{1,9})\s*$/.exec(text) ?? [];
    if (digits === undefined || Number(digits) > this.#most) {
      this.#messages.send(-errnos.EINVAL);
      return;
    }
    Atomics.store(this.#value, 0, Number(digits));
    const { end, at } = this.#messages.start(this.#messages.replyBody(fuse_write_out));
    reply.setUint32(at.size, length - this.#messages.requestBody(fuse_write_in).end);
    this.#messages.send(0, end);
  }
}
