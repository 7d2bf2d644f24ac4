/**
 * The names of all algorithms that a session can be started with, how OpenSSL spells them, and what is known about each.
 *
 * @module @cryptodev/core/algorithms
 */
export {
  cipherNamed,
  hashes,
  hashNamed,
  hmacNamed,
  hmacs,
  isAead,
  isPlainCipher,
  type NamedCipher,
  type NamedHmac,
  type NamedMac,
  namedCiphers,
} from "./catalogue.ts";
export { nearest } from "./suggest.ts";
