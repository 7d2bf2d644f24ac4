/* The part of seccomp(2) and seccomp_unotify(2) that the server uses, under the names of the kernel's headers. */

export const SECCOMP_SET_MODE_FILTER = 1;

/** Without it, kernels before 5.16 slow all programs down to whom a filter applies. */
export const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4;
export const SECCOMP_FILTER_FLAG_NEW_LISTENER = 8;
/** Once a notification has been received, its caller waits for the answer, and only SIGKILL interrupts it (Linux 5.19). */
export const SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 32;

export const SECCOMP_RET_USER_NOTIF = 0x7fc00000;
export const SECCOMP_RET_ALLOW = 0x7fff0000;

/** The kernel carries out the call as if there were no filter. */
export const SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1;

export const SECCOMP_IOCTL_NOTIF_RECV = 0xc0502100;
export const SECCOMP_IOCTL_NOTIF_SEND = 0xc0182101;
export const SECCOMP_IOCTL_NOTIF_ID_VALID = 0x40082102;
export const SECCOMP_IOCTL_NOTIF_ADDFD = 0x40182103;

/** Offsets in the `seccomp_data` that a filter sees; of the second argument, the lower half. */
export const seccomp_data = { nr: 0, arch: 4, request: 24 } as const;

/** Instructions of a filter (`<linux/filter.h>`): load a word, jump if it is equal, return. */
export const BPF_LD_W_ABS = 0x20;
export const BPF_JMP_JEQ_K = 0x15;
export const BPF_RET_K = 0x06;

/** A filter: the number of its instructions, and their address. */
export const sock_fprog = {
  name: "sock_fprog",
  fields: [
    ["len", "u16"],
    ["filter", "pointer"],
  ],
} as const;

/** A call that waits: its cookie, the calling thread, and what it called. */
export const seccomp_notif = {
  name: "seccomp_notif",
  fields: [
    ["id", "u64"],
    ["pid", "u32"],
    ["flags", "u32"],
    ["nr", "u32"],
    ["arch", "u32"],
    ["instruction_pointer", "u64"],
    ["fd", "u64"],
    ["request", "u64"],
    ["argument", "u64"],
    ["unused", "u64", 3],
  ],
} as const;

/** What a call returns; `error` is 0 or a negative error number. */
export const seccomp_notif_resp = {
  name: "seccomp_notif_resp",
  fields: [
    ["id", "u64"],
    ["val", "u64"],
    ["error", "i32"],
    ["flags", "u32"],
  ],
} as const;

/** A descriptor of ours to be added to the caller, under the lowest free number unless a flag says otherwise. */
export const seccomp_notif_addfd = {
  name: "seccomp_notif_addfd",
  fields: [
    ["id", "u64"],
    ["flags", "u32"],
    ["srcfd", "u32"],
    ["newfd", "u32"],
    ["newfd_flags", "u32"],
  ],
} as const;
