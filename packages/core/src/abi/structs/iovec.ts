/** A piece of memory, to `readv(2)` and its kin (`<sys/uio.h>`). `iov_len` is as wide as a pointer. */
export const iovec = {
  name: "iovec",
  fields: [
    ["iov_base", "pointer"],
    ["iov_len", "pointer"],
  ],
} as const;
