/**
 * What a host of your own is built from: libc through one adapter, structs in memory and their pointers, and the checks
 * that the hosts share.
 *
 * @module cryptodev/host
 */
export * from "@cryptodev/core/host";
