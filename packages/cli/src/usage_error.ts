/** The command line is wrong in a way that commander does not detect. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * Starts a session with what the command line names. A key, an iv or a tag of the wrong size makes it wrong, whether it
 * is in an option or in a file.
 *
 * @throws {UsageError} if the session refuses one of them
 */
export function startWith<Session>(start: () => Session): Session {
  try {
    return start();
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    // The library's remedy is code.
    throw new UsageError(error.message.replace(/decode it: .*/, "--key-hex-file decodes it"));
  }
}
