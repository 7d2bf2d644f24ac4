/** Wakes the callers that poll with this handle. */
export const fuse_notify_poll_wakeup_out = {
  name: "fuse_notify_poll_wakeup_out",
  fields: [["kh", "u64"]],
} as const;
