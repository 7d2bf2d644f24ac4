import type { openAsyncWith } from "../async/device.ts";
import type { Opener } from "../open.ts";

/** What differs between runtimes. Each of them has a file in this folder, which `#runtime` in package.json selects. */
export interface Runtime extends Opener {
  /** The runtime's name and version, such as `Node.js 24.1.0`. */
  readonly name: string;
  /** Loads what `openAsync` needs. */
  loadAsync(): Promise<{ readonly openAsyncWith: typeof openAsyncWith }>;
}
