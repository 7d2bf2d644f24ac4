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
  HashName,
  HmacName,
  KeyedMacName,
  MacName,
  SrtpCipherName,
  TlsCipherName,
  Written,
} from "./algorithms.ts";
export type { Capability, CapabilityOptions } from "./capabilities.ts";
export { Device } from "./device.ts";
export { ClosedError, CryptodevError, type Refusal, UnsupportedError } from "./errors.ts";
export type { Address, Host } from "./host/host.ts";
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
export type { Submitter } from "./kernel/submitter.ts";
export { Argument } from "./memory/argument.ts";
export { bufferOf, byteLengthOf, byteOffsetOf, littleEndian, partOf, sizeOf } from "./memory/bytes.ts";
export { Call } from "./memory/call.ts";
export { StructBytes } from "./memory/struct_bytes.ts";
export type { Aead, AeadOptions } from "./sessions/aead.ts";
export type { ChunkOptions, CipherChunks } from "./sessions/chunks.ts";
export type { Cipher } from "./sessions/cipher.ts";
export type { CipherWithMac } from "./sessions/cipher_with_mac.ts";
export type { CombinedCipher } from "./sessions/combined.ts";
export type { Hash } from "./sessions/hash.ts";
export type { AlgorithmInfo, Session, SessionInfo } from "./sessions/session.ts";
export type { SrtpOptions, SrtpPacket } from "./sessions/srtp.ts";
export type { TlsRecord } from "./sessions/tls.ts";
export type { Statistics } from "./statistics.ts";
export { nearest } from "./suggest.ts";
export { traced } from "./trace.ts";
export { inWords } from "./words.ts";
export { workerUrl } from "./worker_url.ts";
