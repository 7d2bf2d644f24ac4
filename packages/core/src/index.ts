/**
 * The ioctl interface of `/dev/crypto` as data, and sessions built on it. It does not use any runtime: all that it
 * needs is a `Host`, such as the one of `@cryptodev/node` or `@cryptodev/soft`.
 *
 * @module @cryptodev/core
 */
export * from "./abi/ciphers.ts";
export * from "./abi/constants.ts";
export * from "./abi/errno.ts";
export * from "./abi/ioctl.ts";
export * from "./abi/ioctls.ts";
export * from "./abi/machine.ts";
export * from "./abi/macs.ts";
export * from "./abi/struct.ts";
export * from "./abi/structs.ts";
export type {
  AeadName,
  CipherName,
  CipherNameOf,
  HashName,
  HmacName,
  IvOf,
  KeyedMacName,
  MacName,
  SrtpCipherName,
  StreamCipherName,
  TlsCipherName,
  WithoutIvName,
  Written,
  XtsName,
} from "./algorithms.ts";
export {
  cipherNamed,
  hashes,
  hashNamed,
  hmacNamed,
  hmacs,
  isAead,
  isPlainCipher,
  type NamedCipher,
  type NamedMac,
  namedCiphers,
} from "./algorithms.ts";
export type { SubmittedCipher } from "./async/submitted_cipher.ts";
export type { SubmittedHash } from "./async/submitted_hash.ts";
export type { SubmittedSession } from "./async/submitted_session.ts";
export type { Submitter } from "./async/submitter.ts";
export type {
  AeadCapability,
  Available,
  Capability,
  CapabilityOptions,
  CipherCapability,
  HashCapability,
  HmacCapability,
  Unavailable,
} from "./capabilities.ts";
export { type CipherOf, Device, type DevicePath } from "./device.ts";
export { environmentVariable } from "./environment.ts";
export {
  AuthenticationError,
  BusyError,
  ClosedError,
  CryptodevError,
  type FailedCall,
  HardwareRequiredError,
  type UnsupportedCode,
  UnsupportedError,
} from "./errors.ts";
export type { Host } from "./host/host.ts";
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
} from "./host/libc.ts";
export { linuxMachine } from "./host/linux_machine.ts";
export type { DeviceOptions } from "./kernel/device_file.ts";
export type { AlgorithmInfo, SessionInfo } from "./kernel/session_info.ts";
export { type Address, type AddressSpace, Argument } from "./memory/argument.ts";
export {
  bufferOf,
  byteLengthOf,
  byteOffsetOf,
  copyInto,
  equalInConstantTime,
  littleEndian,
  partOf,
  sizeOf,
} from "./memory/bytes.ts";
export { Call } from "./memory/call.ts";
export { StructBytes } from "./memory/struct_bytes.ts";
export { option, own } from "./options.ts";
export type { Aead, AeadMessage, AeadOptions, DetachedMessage } from "./sessions/aead.ts";
export type { ChunkOptionsOf, CipherChunks, EagerOptions, PaddingOptions } from "./sessions/chunks.ts";
export type { ChunkArguments, Cipher } from "./sessions/cipher.ts";
export type { CipherWithMac, CipherWithMacStart } from "./sessions/cipher_with_mac.ts";
export type { Hash, Hmac, MessageSession } from "./sessions/hash.ts";
export type { Session } from "./sessions/session.ts";
export type { SrtpCipher, SrtpMessage, SrtpStart } from "./sessions/srtp.ts";
export type { TlsCipher, TlsMessage, TlsStart } from "./sessions/tls.ts";
export type { Statistics } from "./statistics.ts";
export { nearest } from "./suggest.ts";
export { traced } from "./trace.ts";
export { inWords } from "./words.ts";
