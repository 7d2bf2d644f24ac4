import type { Host } from "@cryptodev/core";
import type { SoftwareHostOptions } from "@cryptodev/soft";
import type { openAsyncWith } from "../async/device.ts";

/** What opening a device needs from a runtime. */
export interface Opener {
  /**
   * Returns the runtime's host.
   *
   * @throws {UnsupportedError} if this system does not have one
   */
  host(): Host;
  /** Creates a software device. */
  software(options: SoftwareHostOptions): Host;
  /** Appends text to a file, synchronously. */
  append(path: string, text: string): void;
  /** Checks whether a file exists. Also returns `true` if the program is not permitted to check. */
  mayExist(path: string): boolean;
}

/** What differs between runtimes. Each of them has a file in this folder, which `#runtime` in package.json selects. */
export interface Runtime extends Opener {
  /** The runtime's name and version, such as `Node.js 24.1.0`. */
  readonly name: string;
  /** Loads what `openAsync` needs. */
  loadAsync(): Promise<{ readonly openAsyncWith: typeof openAsyncWith }>;
}
