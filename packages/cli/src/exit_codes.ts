/** The exit codes of the command, unless it ends with that of the program that it runs. */
export const exitCodes = {
  /** Something failed; standard error says what. */
  failure: 1,
  /** The command line is wrong. */
  usage: 2,
  /** A program made a call that would have crashed a kernel, and `--on-crash fail` was given. */
  crash: 3,
  /** The data did not authenticate, its padding is wrong, or a digest did not match. */
  mismatch: 4,
  /** The program exists but cannot be run, as in `env(1)`. */
  notExecutable: 126,
  /** The program does not exist. */
  notFound: 127,
  /** The reader closed our output: a shell's code for SIGPIPE. */
  brokenPipe: 141,
} as const;
