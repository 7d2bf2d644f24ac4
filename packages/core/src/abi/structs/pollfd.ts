/** Argument of `poll(2)`: which events of a descriptor are asked for, and which came (`<poll.h>`). */
export const pollfd = {
  name: "pollfd",
  fields: [
    ["fd", "i32"],
    ["events", "i16"],
    ["revents", "i16"],
  ],
} as const;
