import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { errnos, FIOCLEX, type Machine, type pollfd as pollfdStruct } from "@cryptodev/core/abi";
import type { Argument, Host } from "@cryptodev/core/host";
import { type Caller, type Memory, OpenFile, SoftwareDevice, type SoftwareDeviceOptions } from "@cryptodev/soft";
import { Vigil } from "./vigil.ts";

/**
 * This process's memory, read and written by address, as a kernel does it: the bounds of a view do not limit it, only
 * the struct of a call does.
 */
class OwnMemory implements Memory {
  readonly #file = openSync("/proc/self/mem", "r+");

  read(address: number, length: number): Uint8Array | undefined {
    const bytes = new Uint8Array(length);
    return this.#moved(() => readSync(this.#file, bytes, 0, length, address)) === length ? bytes : undefined;
  }

  isReadable(address: number, length: number): boolean {
    return this.read(address, length) !== undefined;
  }

  isWritable(address: number, length: number): boolean {
    return this.read(address, length) !== undefined;
  }

  write(address: number, bytes: Uint8Array): boolean {
    return this.#moved(() => writeSync(this.#file, bytes, 0, bytes.length, address)) === bytes.length;
  }

  writeArgument(address: number, bytes: Uint8Array): boolean {
    return this.write(address, bytes);
  }

  #moved(move: () => number): number {
    try {
      return move();
    } catch {
      // EIO if nothing is mapped there, or if the page of a mapped file is gone.
      return 0;
    }
  }

  retain(): Memory {
    return this;
  }

  close(): void {
    closeSync(this.#file);
  }
}

/**
 * The software device in the place of a kernel: it receives the real addresses of a runtime's own host, and accesses
 * memory only through them. A stale pointer or an excessive length therefore reads and writes whatever is there.
 */
export class MemoryHost implements Host {
  readonly backend = "software";
  readonly machine: Machine;
  readonly vigil: Vigil;
  readonly warnings: string[] = [];
  readonly device: SoftwareDevice;
  readonly #real: Host;
  readonly #memory = new OwnMemory();
  readonly #files: (OpenFile | undefined)[] = [];

  constructor(real: Host, options: SoftwareDeviceOptions = {}) {
    this.machine = real.machine;
    this.device = new SoftwareDevice({ ...options, machine: real.machine });
    this.vigil = new Vigil((view) => Number(real.addressOf(view)));
    this.#real = real;
  }

  open(): number {
    const result = this.device.open();
    return result < 0 ? result : this.#files.push(new OpenFile()) - 1;
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
    if (request === FIOCLEX[this.machine.requests]) return 0;
    this.vigil.before(argument);
    const caller: Caller = {
      file,
      memory: this.#memory,
      duplicate: () => this.#files.push(file) - 1,
      close: (duplicate) => void this.close(duplicate),
    };
    const result = this.device.ioctl(request, argument === null ? 0 : Number(argument.address), caller);
    this.vigil.after(argument, result);
    return result;
  }

  poll(_pollfd: Argument<typeof pollfdStruct>, _timeout: number): number {
    return -errnos.EINVAL;
  }

  addressOf(bytes: Uint8Array): ReturnType<Host["addressOf"]> {
    return this.#real.addressOf(bytes);
  }

  warn(message: string): void {
    this.warnings.push(message);
  }

  /** Releases the memory. */
  end(): void {
    this.#memory.close();
  }
}
