/**
 * The ioctl interface of `/dev/crypto` as data, under the names of `<crypto/cryptodev.h>`: struct layouts, request
 * numbers, constants, algorithm ids and error numbers, for any machine.
 *
 * @module cryptodev/abi
 */
export * from "@cryptodev/core/abi";
