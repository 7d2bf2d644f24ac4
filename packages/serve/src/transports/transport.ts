/** What brings the kernel's calls to the server. */
export interface Transport {
  readonly name: "fuse" | "cuse";
  /** The descriptor over which the protocol is spoken. */
  readonly fd: number;
  /** Waits until programs can open the device. The kernel learns of the device first. */
  settle(): Promise<void>;
  /** Returns a path that opens the device, even if its name was removed or reused. */
  knockAt(): string;
  /**
   * Removes the device from the file system, and everything that was created for it. The descriptor is already closed
   * by then.
   */
  remove(): Promise<void>;
}
