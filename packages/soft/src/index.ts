/**
 * The device `/dev/crypto` in software.
 *
 * @module @cryptodev/soft
 */
export { type SessionUsage, SoftwareDevice, type SoftwareDeviceOptions, type Verbosity } from "./device.ts";
export type { Caller } from "./handler.ts";
export { SoftwareHost, type SoftwareHostOptions } from "./host.ts";
export { type CrashRule, crashRules, KernelCrashError } from "./kernel_crash_error.ts";
export type { Memory } from "./memory.ts";
export type { OpenFile } from "./open_file.ts";
export type { UsageRecord } from "./usage.ts";
