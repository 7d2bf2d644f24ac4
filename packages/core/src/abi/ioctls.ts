import { freezeTable } from "./frozen.ts";
import type { Ioctl } from "./ioctl.ts";
import type { Machine } from "./machine.ts";
import { cphash_op, crypt_auth_op, crypt_kop, crypt_op, session_info_op, session_op, u32 } from "./structs.ts";

/* The ioctls of `<crypto/cryptodev.h>`, under their own names. */

/**
 * Clones the descriptor. The clone shares the sessions and is not close-on-exec; no free descriptor shows as a negative
 * `value`, with 0 returned.
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

/** Ends a session. An unknown id is no error. */
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

/** Asymmetric operations: declared by the header, refused with EINVAL by the driver. */
export const CIOCKEY: Ioctl<typeof crypt_kop> = {
  name: "CIOCKEY",
  direction: "IOWR",
  type: "c",
  number: 105,
  argument: crypt_kop,
};

/** Which asymmetric operations there are, as bits: none. */
export const CIOCASYMFEAT: Ioctl<typeof u32> = {
  name: "CIOCASYMFEAT",
  direction: "IOR",
  type: "c",
  number: 106,
  argument: u32,
};

/** Names the algorithms and drivers behind a session. */
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

/** Submits a CIOCCRYPT without waiting for it. Only in drivers built with ENABLE_ASYNC. */
export const CIOCASYNCCRYPT: Ioctl<typeof crypt_op> = {
  name: "CIOCASYNCCRYPT",
  direction: "IOW",
  type: "c",
  number: 110,
  argument: crypt_op,
};

/** Fetches the oldest submitted operation that is finished. Only in drivers built with ENABLE_ASYNC. */
export const CIOCASYNCFETCH: Ioctl<typeof crypt_op> = {
  name: "CIOCASYNCFETCH",
  direction: "IOR",
  type: "c",
  number: 111,
  argument: crypt_op,
};

/** Copies the running state of one hash session into another. */
export const CIOCCPHASH: Ioctl<typeof cphash_op> = {
  name: "CIOCCPHASH",
  direction: "IOW",
  type: "c",
  number: 112,
  argument: cphash_op,
};

/**
 * Request numbers of FIOCLEX, fcntl's `FD_CLOEXEC` as an ioctl that every kind of file answers (`<asm/ioctls.h>`). It
 * is older than the common scheme of numbers, so each family of machines has its own. It takes no argument.
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
