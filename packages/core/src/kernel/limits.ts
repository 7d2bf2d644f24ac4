/* Limits of the driver, in bytes unless stated otherwise. The driver itself checks few of them. */

/** The smallest page size of supported machines. With larger pages, an operation uses fewer of them. */
export const PAGE = 4096;

/**
 * Maximum number of pages of source and destination together. The driver keeps them in one array, which the kernel
 * allocates contiguously. Beyond this limit the kernel logs a warning, and the driver copies or returns ENOMEM.
 */
export const MAX_PAGES = 131_072;

/**
 * Maximum data of one call, wherever source and destination are: half of {@link MAX_PAGES} for each, with some room
 * left.
 */
export const MAX_CHUNK: number = 2 ** 27;

/** Maximum associated data, which the driver copies into one page. */
export const MAX_AAD: number = PAGE;

/** Maximum distance of an SRTP packet's payload from its start. */
export const MAX_SRTP_HEADER = 256;
