/** `op` of a `crypt_op`: encrypt. */
export const COP_ENCRYPT = 0;
/** `op` of a `crypt_op`: decrypt. */
export const COP_DECRYPT = 1;

/** The operation's data is one piece of a longer message: take it into the hash, give no digest yet. */
export const COP_FLAG_UPDATE = 1;
/** The message ends with this operation: give the digest. */
export const COP_FLAG_FINAL = 2;
/** Write the iv for the next operation back to `iv`. */
export const COP_FLAG_WRITE_IV = 4;
/** Copy the data instead of working on the caller's pages; comes back set where the driver had to copy. */
export const COP_FLAG_NO_ZC = 8;
/** The operation is a TLS record (CIOCAUTHCRYPT). */
export const COP_FLAG_AEAD_TLS_TYPE = 16;
/** The operation is an SRTP packet (CIOCAUTHCRYPT). */
export const COP_FLAG_AEAD_SRTP_TYPE = 32;
/** Forget the running hash before the operation. */
export const COP_FLAG_RESET = 64;

/** Bit of `session_info_op.flags`: the driver is only reached through the kernel, as off-CPU hardware is. */
export const SIOP_FLAG_KERNEL_DRIVER_ONLY = 1;

/** Longest HMAC key, in bytes. */
export const CRYPTO_HMAC_MAX_KEY_LEN = 512;
/** Longest cipher key, in bytes. */
export const CRYPTO_CIPHER_MAX_KEY_LEN = 64;
/** Longest block of a cipher, and longest iv, in bytes. */
export const EALG_MAX_BLOCK_LEN = 16;
/** Longest digest, in bytes. */
export const AALG_MAX_RESULT_LEN = 64;
/** Room for an algorithm's name, in bytes, the closing zero included. */
export const CRYPTODEV_MAX_ALG_NAME = 64;

/** `open(2)`: for reading and writing. */
export const O_RDWR = 0o2;
/** `open(2)`: closed when the process executes another program. */
export const O_CLOEXEC = 0o2000000;
