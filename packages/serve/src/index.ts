/**
 * Serves the software `/dev/crypto` as a file that any program can open.
 *
 * @module @cryptodev/serve
 */
export type { ServerStatistics } from "./counters.ts";
export type { CrashPolicy } from "./crashes.ts";
export { makePrivateDev, makePrivateModule } from "./private_folders.ts";
export { ServeError } from "./serve_error.ts";
export { Server, type ServerEnd } from "./server.ts";
export type { ServedFault, ServeOptions } from "./settings.ts";
