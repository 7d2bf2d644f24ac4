/** Why the device cannot be served, and what to do about it. */
export class ServeError extends Error {
  override readonly name = "ServeError";
}
