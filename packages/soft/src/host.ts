import process from "node:process";
import {
  type Argument,
  errnos,
  FIOCLEX,
  type Host,
  LP64,
  type Machine,
  type pollfd as pollfdStruct,
} from "@cryptodev/core";
import { AddressSpace } from "./address_space.ts";
import { ArgumentMemory } from "./argument_memory.ts";
import { SoftwareDevice } from "./device.ts";
import type { OpenFile } from "./open_file.ts";

/** Options of a {@link SoftwareHost}. */
export interface SoftwareHostOptions {
  /** Where the device is; `/dev/crypto` if left out. There is nothing at any other path. */
  readonly path?: string;
  /** The machine whose ABI is spoken; LP64 if left out. */
  readonly machine?: Machine;
  /** How many descriptors there are; 1024 if left out. */
  readonly descriptors?: number;
}

/** Events of `<poll.h>`. */
const POLLOUT = 0x004;
const POLLNVAL = 0x020;

/**
 * The device in software, in this process: it answers the ioctls of `/dev/crypto` as the driver does, on any system.
 *
 * @example
 * ```ts
 * import { Device } from "@cryptodev/core";
 * import { SoftwareHost } from "@cryptodev/soft";
 *
 * const device = Device.open(new SoftwareHost());
 * console.log(device.hash("sha1").digest(new TextEncoder().encode("abc")).length); // 20
 * device.close();
 * ```
 */
export class SoftwareHost implements Host {
  readonly backend = "software";
  readonly machine: Machine;
  readonly #path: string;
  readonly #device: SoftwareDevice;
  readonly #space = new AddressSpace();
  readonly #files: (OpenFile | undefined)[];

  constructor({ path = "/dev/crypto", machine = LP64, descriptors = 1024 }: SoftwareHostOptions = {}) {
    this.machine = machine;
    this.#path = path;
    this.#device = new SoftwareDevice(machine);
    this.#files = new Array(descriptors).fill(undefined);
  }

  open(path: string, _flags: number): number {
    return path === this.#path ? this.#install(this.#device.open()) : -errnos.ENOENT;
  }

  /** Gives the lowest free descriptor, as POSIX asks. */
  #install(file: OpenFile): number {
    const fd = this.#files.indexOf(undefined);
    if (fd < 0) return -errnos.EMFILE;
    this.#files[fd] = file;
    return fd;
  }

  close(fd: number): number {
    if (this.#files[fd] === undefined) return -errnos.EBADF;
    this.#files[fd] = undefined;
    return 0;
  }

  ioctl(fd: number, request: number, argument: Argument | null): number {
    const file = this.#files[fd];
    if (file === undefined) return -errnos.EBADF;
    // Answered by the kernel before any driver is asked.
    if (request === FIOCLEX[this.machine.requests]) return 0;
    return this.#device.ioctl(request, argument === null ? 0 : (argument.address as number), {
      file,
      memory: new ArgumentMemory(this.#space, argument),
      duplicate: () => this.#install(file),
    });
  }

  poll(pollfd: Argument<typeof pollfdStruct>, _timeout: number): number {
    const { offset } = pollfd;
    const isOpen = this.#files[pollfd.getUint32(offset.fd)] !== undefined;
    const revents = isOpen ? pollfd.getUint16(offset.events) & POLLOUT : POLLNVAL;
    pollfd.setUint16(offset.revents, revents);
    return revents === 0 ? 0 : 1;
  }

  addressOf(bytes: Uint8Array): number {
    return this.#space.addressOf(bytes);
  }

  warn(message: string): void {
    process.emitWarning(message, "CryptodevWarning");
  }
}
