/* What the driver can take, in bytes unless said otherwise. It checks little of it. */

/** The smallest page of the machines that it runs on: with larger ones, an operation has fewer. */
export const PAGE = 4096;

/**
 * The most pages of source and destination together: the driver keeps them in one array, which the kernel allocates in one
 * piece. Beyond that it warns in the kernel's log and copies, or answers ENOMEM.
 */
export const MOST_PAGES = 131_072;

/** The most data of one call, wherever source and destination lie: two halves of {@link MOST_PAGES}, with room to spare. */
export const LONGEST_CHUNK: number = 2 ** 27;

/** Associated data is copied into one page. */
export const LONGEST_AAD: number = PAGE;

/** How far the payload of an SRTP packet can be from its start. */
export const LONGEST_SRTP_HEADER = 256;
