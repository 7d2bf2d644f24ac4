/**
 * What a host needs: libc through one adapter, structs in memory and their pointers, and the checks and words that the
 * packages share.
 *
 * @module @cryptodev/core/host
 */
export { checkApart, checkIv, checkSizes } from "../checks.ts";
export { environmentVariable } from "../environment.ts";
export { isMissing, useSoftware } from "../errors.ts";
export { MAX_AAD } from "../kernel/limits.ts";
export { type Address, type AddressSpace, Argument, Result } from "../memory/argument.ts";
export {
  bufferOf,
  byteLengthOf,
  byteOffsetOf,
  copyInto,
  equalInConstantTime,
  littleEndian,
  partOf,
  sizeOf,
} from "../memory/bytes.ts";
export { Call } from "../memory/call.ts";
export { StructBytes } from "../memory/struct_bytes.ts";
export { memberOf, option, own } from "../options.ts";
export { updateCreating } from "../sessions/chunks.ts";
export { traced } from "../trace.ts";
export { inWords } from "../words.ts";
export type { Host } from "./host.ts";
export {
  bind,
  type CTypes,
  type Dialect,
  type LibcFunctions,
  libcHost,
  libcPaths,
  type Parameter,
  type Signature,
  type Signatures,
  type Values,
} from "./libc.ts";
export { linuxMachine } from "./linux_machine.ts";
