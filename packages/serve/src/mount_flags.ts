/* Flags of mount(2), umount2(2) and open(2), under the names of <sys/mount.h> and <fcntl.h>. */

export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MS_NOEXEC = 8;
export const MS_BIND = 4096;
export const MS_MOVE = 8192;
export const MS_REC = 16384;

export const MNT_DETACH = 2;
export const UMOUNT_NOFOLLOW = 8;

/** The same on all machines that the library supports, except for SPARC. */
export const O_PATH = 0o10000000;
