import process from "node:process";
import { type Argument, errnos, FIOCLEX, type Host, type Machine, type pollfd as pollfdStruct } from "@cryptodev/core";
import { addressFor } from "./addresses.ts";
import { ArgumentMemory } from "./argument_memory.ts";
import { SoftwareDevice, type SoftwareDeviceOptions } from "./device.ts";
import type { OpenFile } from "./open_file.ts";

/** Options of a {@link SoftwareHost}: those of the device, and how it is reached. */
export interface SoftwareHostOptions extends SoftwareDeviceOptions {
  /** Where the device is; `/dev/crypto` if left out. There is nothing at any other path. */
  readonly path?: string;
  /** How many descriptors there are; 1024 if left out. */
  readonly descriptors?: number;
}

/** `poll(2)`'s answer for a descriptor that is not open (`<poll.h>`). */
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
  /** What answers: its parameters can be changed, and its calls be made to fail. */
  readonly device: SoftwareDevice;
  readonly #path: string;
  readonly #files: (OpenFile | undefined)[];

  constructor(options: SoftwareHostOptions = {}) {
    const { path = "/dev/crypto", descriptors = 1024 } = options;
    this.device = new SoftwareDevice(options);
    this.machine = this.device.machine;
    this.#path = path;
    this.#files = new Array(descriptors).fill(undefined);
  }

  open(path: string, _flags: number): number {
    if (path !== this.#path) return -errnos.ENOENT;
    const file = this.device.open();
    return typeof file === "number" ? file : this.#install(file);
  }

  /** Gives the lowest free descriptor, as POSIX asks. */
  #install(file: OpenFile): number {
    const fd = this.#files.indexOf(undefined);
    if (fd < 0) return -errnos.EMFILE;
    this.#files[fd] = file;
    return fd;
  }

  close(fd: number): number {
    const file = this.#files[fd];
    if (file === undefined) return -errnos.EBADF;
    this.#files[fd] = undefined;
    if (!this.#files.includes(file)) this.device.close(file);
    return 0;
  }

  ioctl(fd: number, request: number, argument: Argument | null): number {
    const file = this.#files[fd];
    if (file === undefined) return -errnos.EBADF;
    // Answered by the kernel before any driver is asked.
    if (request === FIOCLEX[this.machine.requests]) return 0;
    return this.device.ioctl(request, argument === null ? 0 : (argument.address as number), {
      file,
      memory: new ArgumentMemory(argument),
      device: this.device,
      duplicate: () => this.#install(file),
      close: (duplicate) => void this.close(duplicate),
    });
  }

  poll(pollfd: Argument<typeof pollfdStruct>, _timeout: number): number {
    const { offset } = pollfd;
    const file = this.#files[pollfd.getUint32(offset.fd)];
    const revents = file === undefined ? POLLNVAL : pollfd.getUint16(offset.events) & file.ready();
    pollfd.setUint16(offset.revents, revents);
    return revents === 0 ? 0 : 1;
  }

  addressOf(bytes: Uint8Array, argument?: Argument): number {
    return addressFor(bytes, argument, this.machine);
  }

  warn(message: string): void {
    process.emitWarning(message, "CryptodevWarning");
  }
}
