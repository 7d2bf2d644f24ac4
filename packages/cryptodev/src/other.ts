/**
 * The software `/dev/crypto` for runtimes other than Node.js, Deno and Bun.
 *
 * @module cryptodev
 */
import { UnsupportedError } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import { type Open, openIn } from "./open.ts";

/** The part of the runtimes' globals that is used here. Published declarations never need the runtimes' own types. */
interface Globals {
  readonly process?: { readonly versions?: { readonly node?: string } };
}

function noHost(): never {
  // Deno and Bun have this property as well.
  if ((globalThis as unknown as Globals).process?.versions?.node !== undefined) {
    const remedy =
      'bundle it for Node.js, Deno or Bun: --platform=node of esbuild, --target=bun or node of bun build, no export condition "browser"';
    throw new UnsupportedError(
      "platform",
      "this bundle of cryptodev was made for a browser, and cannot reach a kernel device",
      {
        remedy,
      },
    );
  }
  throw new UnsupportedError(
    "platform",
    "a kernel device can be opened only in Node.js, Deno and Bun, not in this runtime",
  );
}

export * from "./index.ts";

/** The runtime's name and version, which are not known here. */
export const runtime: string = "unknown runtime";

/**
 * Opens the device. {@link Open} describes its errors, and has examples.
 *
 * @function
 */
export const open: Open = openIn({
  host: noHost,
  software: (options) => new SoftwareHost(options),
  append: () => {},
  mayExist: () => false,
});
