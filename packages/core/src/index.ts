/**
 * Devices and sessions. They do not use any runtime: all that they need is a `Host`, such as the one of
 * `@cryptodev/node` or `@cryptodev/soft`. The sub-path `abi` has the ioctl interface as data, `algorithms` the names of
 * all algorithms, and `host` what a host is built from.
 *
 * @module @cryptodev/core
 */
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
} from "./algorithms/catalogue.ts";
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
export type { DeviceOptions } from "./kernel/device_file.ts";
export type { AlgorithmInfo, SessionInfo } from "./kernel/session_info.ts";
export type { Aead, AeadMessage, AeadOptions, DetachedMessage } from "./sessions/aead.ts";
export type { ChunkOptionsOf, CipherChunks, EagerOptions, PaddingOptions } from "./sessions/chunks.ts";
export type { ChunkArguments, Cipher } from "./sessions/cipher.ts";
export type { CipherWithMac, CipherWithMacMessage, CipherWithMacStart } from "./sessions/cipher_with_mac.ts";
export type { Hash, Hmac, MessageSession } from "./sessions/hash.ts";
export type { Session } from "./sessions/session.ts";
export type { SrtpCipher, SrtpMessage, SrtpStart } from "./sessions/srtp.ts";
export type { TlsCipher, TlsMessage, TlsStart } from "./sessions/tls.ts";
export type { Statistics } from "./statistics.ts";
