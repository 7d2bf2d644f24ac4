/**
 * The device `/dev/crypto` in software.
 *
 * @module
 */
export { SoftwareHost, type SoftwareHostOptions } from "./host.ts";
export { type CrashRule, crashRules, KernelCrashError } from "./kernel_crash_error.ts";
