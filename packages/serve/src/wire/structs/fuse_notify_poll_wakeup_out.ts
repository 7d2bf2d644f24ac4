/** Wakes those who wait under this name. */
export const fuse_notify_poll_wakeup_out = {
  name: "fuse_notify_poll_wakeup_out",
  fields: [["kh", "u64"]],
} as const;
