/**
 * The software `/dev/crypto` where there is neither Node.js, Deno nor Bun.
 *
 * @module cryptodev
 */
import { UnsupportedError } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import { type Open, openIn } from "./open.ts";

/** The little of the runtimes' globals that is used here; their own types stay out of the published ones. */
interface Globals {
  readonly process?: { readonly versions?: { readonly node?: string } };
}

function noHost(): never {
  // Deno and Bun have it as well.
  if ((globalThis as unknown as Globals).process?.versions?.node !== undefined) {
    const remedy =
      'bundle it for Node.js, Deno or Bun: --platform=node of esbuild, --target=bun or node of bun build, no export condition "browser"';
    throw new UnsupportedError("this bundle of cryptodev was made for a browser, and cannot reach a kernel device", {
      remedy,
    });
  }
  throw new UnsupportedError("a kernel device is reached from Node.js, Deno and Bun, and this is another runtime");
}

export * from "./index.ts";

/** The runtime's name and version; here it is not known. */
export const runtime: string = "unknown runtime";

/**
 * Opens the device, the kernel's unless told otherwise: {@link Open} has its errors, and examples.
 *
 * @function
 */
export const open: Open = openIn({
  host: noHost,
  software: (options) => new SoftwareHost(options),
  append: () => {},
  mayExist: () => false,
});
