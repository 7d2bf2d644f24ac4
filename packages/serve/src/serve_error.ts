/** The device cannot be served; the message says why, and what to do about it. */
export class ServeError extends Error {
  /** The name of the class. */
  override readonly name = "ServeError";
}
