import { errnos, FIOCLEX, type Machine, type pollfd } from "@cryptodev/core/abi";
import type { Argument, Host } from "@cryptodev/core/host";
import { SoftwareDevice, type SoftwareDeviceOptions } from "./driver/device.ts";
import type { Caller } from "./driver/handler.ts";
import { OpenFile } from "./driver/open_file.ts";
import { ownInteger, ownOption } from "./options.ts";
import { addressFor, resultAddressFor } from "./user/addresses.ts";
import { ArgumentMemory } from "./user/argument_memory.ts";

/** Options of a {@link SoftwareHost}: those of the device, and how it is reached. */
export interface SoftwareHostOptions extends SoftwareDeviceOptions {
  /** The path of the device; no other path exists. Defaults to `/dev/crypto`. */
  readonly path?: string;
  /** How many descriptors can be open at once. Defaults to 1024. */
  readonly descriptors?: number;
}

/** An open descriptor, and everything that its calls need. */
interface OpenDescriptor extends Caller {
  readonly memory: ArgumentMemory;
}

/** More than any process may have (`fs.nr_open`, proc_sys_fs(5)). */
const MAX_DESCRIPTORS = 2 ** 20;

/** What `poll(2)` reports for a descriptor that is not open (`<poll.h>`). */
const POLLNVAL = 0x020;

/**
 * The software device in this process: it answers the ioctls of `/dev/crypto` as the driver does, on any system.
 *
 * @example
 * ```ts
 * import { Device } from "cryptodev";
 * import { SoftwareHost } from "cryptodev/soft";
 *
 * const device = Device.open(new SoftwareHost());
 * console.log(device.hash("sha1").digest(new TextEncoder().encode("abc")).length); // 20
 * device.close();
 * ```
 */
export class SoftwareHost implements Host {
  readonly backend = "software";
  readonly machine: Machine;
  readonly resultAddress: number;
  /** The device behind this host: its parameters can be changed, and its calls can be made to fail. */
  readonly device: SoftwareDevice;
  readonly #path: string;
  readonly #fioclex: number;
  readonly #descriptors: (OpenDescriptor | undefined)[];

  /**
   * Creates a host with its own device.
   *
   * @throws {TypeError} if an option has the wrong type
   * @throws {RangeError} if an option is out of range, or names an algorithm that does not exist
   */
  constructor(options: SoftwareHostOptions = {}) {
    this.device = new SoftwareDevice(options);
    this.machine = this.device.machine;
    this.resultAddress = resultAddressFor(this.machine);
    this.#fioclex = FIOCLEX[this.machine.requests];
    this.#path = ownOption(options, "path", "/dev/crypto") ?? "/dev/crypto";
    this.#descriptors = new Array(ownInteger(options, "descriptors", 0, MAX_DESCRIPTORS, 1024)).fill(undefined);
  }

  open(path: string, _flags: number): number {
    if (path !== this.#path) return -errnos.ENOENT;
    const result = this.device.open();
    return result < 0 ? result : this.#install(new OpenFile());
  }

  /** Assigns the lowest free descriptor, as POSIX requires. */
  #install(file: OpenFile): number {
    const fd = this.#descriptors.indexOf(undefined);
    if (fd < 0) return -errnos.EMFILE;
    this.#descriptors[fd] = {
      file,
      memory: new ArgumentMemory(),
      duplicate: () => this.#install(file),
      close: (duplicate) => void this.close(duplicate),
    };
    return fd;
  }

  close(fd: number): number {
    const closed = this.#descriptors[fd];
    if (closed === undefined) return -errnos.EBADF;
    this.#descriptors[fd] = undefined;
    if (!this.#descriptors.some((other) => other?.file === closed.file)) this.device.close(closed.file);
    return 0;
  }

  ioctl(fd: number, request: number, argument: Argument | null): number {
    const descriptor = this.#descriptors[fd];
    if (descriptor === undefined) return -errnos.EBADF;
    // The kernel answers this itself, without asking a driver.
    if (request === this.#fioclex) return 0;
    descriptor.memory.enter(argument);
    return this.device.ioctl(request, argument === null ? 0 : (argument.address as number), descriptor);
  }

  poll(entry: Argument<typeof pollfd>, _timeout: number): number {
    const { offset } = entry;
    const file = this.#descriptors[entry.getUint32(offset.fd)]?.file;
    const revents = file === undefined ? POLLNVAL : entry.getUint16(offset.events) & file.ready();
    entry.setUint16(offset.revents, revents);
    return revents === 0 ? 0 : 1;
  }

  addressOf(bytes: Uint8Array, argument?: Argument): number {
    return addressFor(bytes, argument, this.machine);
  }

  warn(message: string): void {
    process.emitWarning(message, "CryptodevWarning");
  }
}
