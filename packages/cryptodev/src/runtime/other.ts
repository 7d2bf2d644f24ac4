import { UnsupportedError } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import type { Runtime } from "./runtime.ts";

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

/** Any other runtime, which has only the software device. */
export const current: Runtime = {
  name: "unknown runtime",
  host: noHost,
  software: (options) => new SoftwareHost(options),
  append: () => {},
  mayExist: () => false,
  loadAsync: () => import("../async/device.ts"),
};
