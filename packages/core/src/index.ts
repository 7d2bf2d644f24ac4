/**
 * The ioctl interface of `/dev/crypto` as data, and the sessions over it. It touches no runtime: all that it needs is a
 * `Host`, such as that of `@cryptodev/node` or `@cryptodev/soft`.
 *
 * @module @cryptodev/core
 */
export * from "./abi/ciphers.ts";
export * from "./abi/constants.ts";
export * from "./abi/errno.ts";
export * from "./abi/ioctl.ts";
export * from "./abi/ioctls/CIOCASYMFEAT.ts";
export * from "./abi/ioctls/CIOCASYNCCRYPT.ts";
export * from "./abi/ioctls/CIOCASYNCFETCH.ts";
export * from "./abi/ioctls/CIOCAUTHCRYPT.ts";
export * from "./abi/ioctls/CIOCCPHASH.ts";
export * from "./abi/ioctls/CIOCCRYPT.ts";
export * from "./abi/ioctls/CIOCFSESSION.ts";
export * from "./abi/ioctls/CIOCGSESSINFO.ts";
export * from "./abi/ioctls/CIOCGSESSION.ts";
export * from "./abi/ioctls/CIOCKEY.ts";
export * from "./abi/ioctls/CRIOGET.ts";
export * from "./abi/ioctls/FIOCLEX.ts";
export * from "./abi/libc.ts";
export * from "./abi/machine.ts";
export * from "./abi/macs.ts";
export * from "./abi/struct.ts";
export * from "./abi/structs/alg_info.ts";
export * from "./abi/structs/cphash_op.ts";
export * from "./abi/structs/crparam.ts";
export * from "./abi/structs/crypt_auth_op.ts";
export * from "./abi/structs/crypt_kop.ts";
export * from "./abi/structs/crypt_op.ts";
export * from "./abi/structs/iovec.ts";
export * from "./abi/structs/pollfd.ts";
export * from "./abi/structs/session_info_op.ts";
export * from "./abi/structs/session_op.ts";
export * from "./abi/structs/u32.ts";
export type {
  AeadName,
  CipherName,
  HashName,
  HmacName,
  KeyedMacName,
  MacName,
  SrtpCipherName,
  TlsCipherName,
} from "./algorithms.ts";
export { Argument } from "./argument.ts";
export { bufferOf, byteLengthOf, byteOffsetOf, littleEndian, partOf, sizeOf } from "./bytes.ts";
export { Call } from "./call.ts";
export type { Capability, CapabilityOptions } from "./capabilities.ts";
export type { DeviceOptions } from "./descriptor.ts";
export { Device } from "./device.ts";
export { ClosedError, CryptodevError, type Refusal, UnsupportedError } from "./errors.ts";
export type { Address, Host, LibcHost } from "./host.ts";
export { linuxMachine } from "./linux_machine.ts";
export type { Aead, AeadOptions } from "./sessions/aead.ts";
export type { ChunkOptions, CipherChunks } from "./sessions/chunks.ts";
export type { Cipher } from "./sessions/cipher.ts";
export type { CipherWithMac } from "./sessions/cipher_with_mac.ts";
export type { CombinedCipher } from "./sessions/combined.ts";
export type { Hash } from "./sessions/hash.ts";
export type { AlgorithmInfo, Session, SessionInfo } from "./sessions/session.ts";
export type { SrtpOptions, SrtpPacket } from "./sessions/srtp.ts";
export type { Submitter } from "./sessions/submitter.ts";
export type { TlsRecord } from "./sessions/tls.ts";
export type { Statistics } from "./statistics.ts";
export { StructBytes } from "./struct_bytes.ts";
export { nearest } from "./suggest.ts";
export { traced } from "./trace.ts";
export { workerUrl } from "./worker_url.ts";
