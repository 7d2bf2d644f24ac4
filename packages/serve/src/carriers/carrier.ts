/** What carries the kernel's calls to us. */
export interface Carrier {
  readonly name: "fuse" | "cuse";
  /** The descriptor that the protocol is spoken over. */
  readonly fd: number;
  /** Waits until programs can open the device, which the kernel was told of. */
  settle(): Promise<void>;
  /** A path that opens the device, whatever has become of its name. */
  knockAt(): string;
  /** Takes the device away from where programs find it, and leaves nothing there. The descriptor is closed by then. */
  remove(): Promise<void>;
}
