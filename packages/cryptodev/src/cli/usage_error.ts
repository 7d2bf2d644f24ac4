/** The command line is wrong, in a way that commander does not see. */
export class UsageError extends Error {}
