/** `op` of a `crypt_op`: encrypt. */
export const COP_ENCRYPT = 0;
/** `op` of a `crypt_op`: decrypt. */
export const COP_DECRYPT = 1;

/** The data is one part of a longer message: add it to the hash, do not return a digest yet. */
export const COP_FLAG_UPDATE = 1;
/** The message ends with this operation: return the digest. */
export const COP_FLAG_FINAL = 2;
/** Write the iv of the next operation back to `iv`. */
export const COP_FLAG_WRITE_IV = 4;
/** Copy the data instead of working on the caller's pages. The driver sets it if it had to copy. */
export const COP_FLAG_NO_ZC = 8;
/** The operation is a TLS record (CIOCAUTHCRYPT). */
export const COP_FLAG_AEAD_TLS_TYPE = 16;
/** The operation is an SRTP packet (CIOCAUTHCRYPT). */
export const COP_FLAG_AEAD_SRTP_TYPE = 32;
/** Reset the hash state before the operation. */
export const COP_FLAG_RESET = 64;

/**
 * Bit of `session_info_op.flags`: only the kernel can reach the driver, as is the case for hardware outside the CPU.
 */
export const SIOP_FLAG_KERNEL_DRIVER_ONLY = 1;

/** Maximum size of an HMAC key, in bytes. */
export const CRYPTO_HMAC_MAX_KEY_LEN = 512;
/** Maximum size of a cipher key, in bytes. */
export const CRYPTO_CIPHER_MAX_KEY_LEN = 64;
/** Maximum size of a cipher block and of an iv, in bytes. */
export const EALG_MAX_BLOCK_LEN = 16;
/** Maximum size of a digest, in bytes. */
export const AALG_MAX_RESULT_LEN = 64;
/** Size of the field for an algorithm's name, in bytes, including the terminating zero. */
export const CRYPTODEV_MAX_ALG_NAME = 64;

/** `open(2)`: open for reading and writing. */
export const O_RDWR = 0o2;
/** `open(2)`: close the descriptor when the process executes another program. */
export const O_CLOEXEC = 0o2000000;

/** Event of `poll(2)`: the device has a finished operation to fetch; a pipe can be read. */
export const POLLIN = 0x1;
/** Event of `poll(2)`: the device has room for another operation; a pipe can be written. */
export const POLLOUT = 0x4;
/** Event of `poll(2)` that comes with {@link POLLIN}. */
export const POLLRDNORM = 0x40;
/** Event of `poll(2)` that comes with {@link POLLOUT}. */
export const POLLWRNORM = 0x100;
