import { freezeTable } from "./frozen.ts";
import type { Ioctl } from "./ioctl.ts";
import type { Machine } from "./machine.ts";
import { cphash_op, crypt_auth_op, crypt_kop, crypt_op, session_info_op, session_op, u32 } from "./structs.ts";

/* The ioctls of `<crypto/cryptodev.h>`, under the names of the header. */

/**
 * Clones the descriptor. The clone shares the sessions and is not close-on-exec. If no descriptor is free, the driver
 * returns 0 and stores a negative `value`.
 */
export const CRIOGET: Ioctl<typeof u32> = { name: "CRIOGET", direction: "IOWR", type: "c", number: 101, argument: u32 };

/** Starts a session. */
export const CIOCGSESSION: Ioctl<typeof session_op> = {
  name: "CIOCGSESSION",
  direction: "IOWR",
  type: "c",
  number: 102,
  argument: session_op,
};

/** Ends a session. An unknown id is not an error. */
export const CIOCFSESSION: Ioctl<typeof u32> = {
  name: "CIOCFSESSION",
  direction: "IOW",
  type: "c",
  number: 103,
  argument: u32,
};

/** Encrypts, decrypts or hashes. */
export const CIOCCRYPT: Ioctl<typeof crypt_op> = {
  name: "CIOCCRYPT",
  direction: "IOWR",
  type: "c",
  number: 104,
  argument: crypt_op,
};

/** Asymmetric operations: the header declares them, the driver refuses them with EINVAL. */
export const CIOCKEY: Ioctl<typeof crypt_kop> = {
  name: "CIOCKEY",
  direction: "IOWR",
  type: "c",
  number: 105,
  argument: crypt_kop,
};

/** The supported asymmetric operations, as bits: always 0. */
export const CIOCASYMFEAT: Ioctl<typeof u32> = {
  name: "CIOCASYMFEAT",
  direction: "IOR",
  type: "c",
  number: 106,
  argument: u32,
};

/** Returns the names of a session's algorithms and drivers. */
export const CIOCGSESSINFO: Ioctl<typeof session_info_op> = {
  name: "CIOCGSESSINFO",
  direction: "IOWR",
  type: "c",
  number: 107,
  argument: session_info_op,
};

/** Encrypts and authenticates in one operation. */
export const CIOCAUTHCRYPT: Ioctl<typeof crypt_auth_op> = {
  name: "CIOCAUTHCRYPT",
  direction: "IOWR",
  type: "c",
  number: 109,
  argument: crypt_auth_op,
};

/** Submits a CIOCCRYPT without waiting for it. Only drivers built with ENABLE_ASYNC have it. */
export const CIOCASYNCCRYPT: Ioctl<typeof crypt_op> = {
  name: "CIOCASYNCCRYPT",
  direction: "IOW",
  type: "c",
  number: 110,
  argument: crypt_op,
};

/** Fetches the oldest finished operation. Only drivers built with ENABLE_ASYNC have it. */
export const CIOCASYNCFETCH: Ioctl<typeof crypt_op> = {
  name: "CIOCASYNCFETCH",
  direction: "IOR",
  type: "c",
  number: 111,
  argument: crypt_op,
};

/** Copies the hash state of one session to another. */
export const CIOCCPHASH: Ioctl<typeof cphash_op> = {
  name: "CIOCCPHASH",
  direction: "IOW",
  type: "c",
  number: 112,
  argument: cphash_op,
};

/**
 * Request numbers of FIOCLEX, the ioctl form of fcntl's `FD_CLOEXEC`, which works on every kind of file
 * (`<asm/ioctls.h>`). It is older than the common numbering scheme, so each family of machines has its own number. It
 * does not take an argument.
 */
export const FIOCLEX: Readonly<Record<Machine["requests"], number>> = {
  generic: 0x5451,
  mips: 0x6601,
  powerpc: 0x20006601,
};

for (const ioctl of [
  CRIOGET,
  CIOCGSESSION,
  CIOCFSESSION,
  CIOCCRYPT,
  CIOCKEY,
  CIOCASYMFEAT,
  CIOCGSESSINFO,
  CIOCAUTHCRYPT,
  CIOCASYNCCRYPT,
  CIOCASYNCFETCH,
  CIOCCPHASH,
  FIOCLEX,
]) {
  freezeTable(ioctl);
}
