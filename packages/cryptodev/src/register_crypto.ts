/**
 * Switches a program over to the device. If this module is loaded first, every `import` and `require` of node:crypto
 * resolves to `cryptodev/crypto`, also in worker threads. `process.getBuiltinModule()` still returns the runtime's own.
 *
 * @module cryptodev/register-crypto
 */
import { register } from "@cryptodev/node-crypto/register";
import { programPrefix } from "./async/program_url.ts";
import { exemptPackages } from "./exempt_packages.ts";
import { open } from "./index.ts";
// Loaded now, because some loaders, such as that of Yarn's Plug'n'Play in Node.js 20, cannot load it on demand.
import "./soft.ts";
import { threadDevice } from "./thread_device.ts";

register({
  url: import.meta.url,
  open,
  threadDevice,
  exemptPackages,
  exemptPrefixes: [programPrefix],
});
