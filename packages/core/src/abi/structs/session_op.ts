/** Argument of CIOCGSESSION: the algorithms and keys that a session starts with; `ses` comes back. */
export const session_op = {
  name: "session_op",
  fields: [
    ["cipher", "u32"],
    ["mac", "u32"],
    ["keylen", "u32"],
    ["key", "pointer"],
    ["mackeylen", "u32"],
    ["mackey", "pointer"],
    ["ses", "u32"],
  ],
} as const;
