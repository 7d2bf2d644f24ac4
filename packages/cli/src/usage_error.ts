/** The command line is wrong in a way that commander does not detect. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
