/** Argument of the ioctls that carry one number: a session id, a descriptor, a set of bits. */
export const u32 = {
  name: "u32",
  fields: [["value", "u32"]],
} as const;
