/**
 * The device `/dev/crypto` in software.
 *
 * @module @cryptodev/soft
 */
export { type CrashRule, crashRules, KernelCrashError } from "./crash.ts";
export { processBulk } from "./driver/bulk.ts";
export { SoftwareDevice, type SoftwareDeviceOptions, type Verbosity } from "./driver/device.ts";
export type { Caller } from "./driver/handler.ts";
export { OpenFile } from "./driver/open_file.ts";
export type { Bulk, BulkResult, CipherInProgress, KeyedAlgorithm, Slices } from "./driver/slices.ts";
export type { SessionUsage } from "./driver/usage.ts";
export { SoftwareHost, type SoftwareHostOptions } from "./host.ts";
export type { Memory, MemoryRange } from "./user/memory.ts";
