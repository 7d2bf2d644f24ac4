import type { Address } from "@cryptodev/core";

/** The functions of libc that a host calls, through any foreign function interface. Each returns what C returns. */
export interface Libc {
  open(path: string, flags: number): number;
  close(fd: number): number;
  ioctl(fd: number, request: number, address: Address): number;
  poll(address: Address, count: number, timeout: number): number;
  read(fd: number, address: Address, size: number): number;
  write(fd: number, address: Address, size: number): number;
  mount(source: string, target: string, type: string, flags: number, data: string): number;
  umount2(target: string, flags: number): number;
  processVmReadv(pid: number, local: Address, remote: Address, remotes: number): number;
  processVmWritev(pid: number, local: Address, remote: Address, remotes: number): number;
  /** Returns the error number of the previous call, if no other call was made since. */
  errno(): number;
  addressOf(bytes: Uint8Array): Address;
}
