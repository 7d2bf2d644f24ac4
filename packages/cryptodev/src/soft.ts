/**
 * The device `/dev/crypto` in software, for tests.
 *
 * @module cryptodev/soft
 */
export * from "@cryptodev/soft";
