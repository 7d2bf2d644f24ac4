/** How the command ends, where it does not end as the program does that it runs. */
export const exitCodes = {
  /** Something could not be done; standard error says what. */
  failure: 1,
  /** The command line is wrong. */
  usage: 2,
  /** A program made a call that a kernel would not have survived, and `--on-hazard fail` was given. */
  hazard: 3,
  /** Data is not what it was: it did not authenticate, its padding is wrong, or a digest did not match. */
  mismatch: 4,
  /** A program is there and cannot be run, as `env(1)` has it. */
  notExecutable: 126,
  /** There is no such program. */
  notFound: 127,
  /** Nobody reads what is written: what a shell says of SIGPIPE. */
  brokenPipe: 141,
} as const;
