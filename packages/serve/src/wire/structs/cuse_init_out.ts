/** The server's protocol version, and the device to create; its name follows as `DEVNAME=crypto`. */
export const cuse_init_out = {
  name: "cuse_init_out",
  fields: [
    ["major", "u32"],
    ["minor", "u32"],
    ["unused", "u32"],
    ["flags", "u32"],
    ["max_read", "u32"],
    ["max_write", "u32"],
    ["dev_major", "u32"],
    ["dev_minor", "u32"],
    ["spare", "u32", 10],
  ],
} as const;
