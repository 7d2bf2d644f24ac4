/**
 * Has the runtime's own `crypto.subtle` use the device, also in worker threads: the methods of `SubtleCrypto` become
 * those of `subtle` of `cryptodev/webcrypto`. With `CRYPTODEV_FALLBACK=1` in the environment, the runtime's own still do
 * what the device does not support.
 *
 * @module cryptodev/register-webcrypto
 */
import { registerThreads } from "@cryptodev/node-crypto/register-threads";
import { replaceSubtle } from "@cryptodev/webcrypto/register";
import { programPrefix } from "./async/program_url.ts";
import { exemptPackages } from "./exempt_packages.ts";
import { subtle } from "./webcrypto.ts";

replaceSubtle(subtle);
registerThreads({
  url: import.meta.url,
  replaces: "webcrypto",
  exemptPackages,
  exemptPrefixes: [programPrefix],
});
