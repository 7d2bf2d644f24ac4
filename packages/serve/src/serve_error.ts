/** Why the device cannot be served, and what to do about it. */
export class ServeError extends Error {
  /** The name of the class, as errors have it. */
  override readonly name = "ServeError";
}
