/**
 * The ioctl interface of `/dev/crypto` as data, under the names of `<crypto/cryptodev.h>`: struct layouts, request
 * numbers, constants, algorithm ids and error numbers, for any machine.
 *
 * @module @cryptodev/core/abi
 */
export * from "./ciphers.ts";
export * from "./constants.ts";
export * from "./errno.ts";
export * from "./ioctl.ts";
export * from "./ioctls.ts";
export * from "./machine.ts";
export * from "./macs.ts";
export * from "./struct.ts";
export * from "./structs.ts";
