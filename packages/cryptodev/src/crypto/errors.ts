/*
 * Errors as node:crypto throws them: of its classes, with its codes and its messages. Those of Node.js, in the other
 * runtimes too, as programs were written for them.
 */

function coded<E extends Error>(error: E, code: string, details: object = {}): E {
  return Object.assign(error, details, { code });
}

/** An error's options: without a cause there is nothing to show. */
const because = (cause: unknown): ErrorOptions => (cause === undefined ? {} : { cause });

function received(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "function") return `function ${value.name}`;
  if (typeof value === "object") return `an instance of ${value.constructor?.name ?? "Object"}`;
  // What stands in the wrong place may be a secret.
  return typeof value === "string" ? "type string" : `type ${typeof value} (${String(value)})`;
}

export const invalidArgType = (name: string, expected: string, value: unknown): TypeError =>
  coded(
    new TypeError(
      `The "${name}" ${name.includes(".") ? "property" : "argument"} must be ${expected}. Received ${received(value)}`,
    ),
    "ERR_INVALID_ARG_TYPE",
  );

export const invalidArgValue = (message: string): TypeError => coded(new TypeError(message), "ERR_INVALID_ARG_VALUE");

export const missingArgs = (message: string): TypeError => coded(new TypeError(message), "ERR_MISSING_ARGS");

export const invalidKeyType = (type: string): TypeError =>
  coded(new TypeError(`Invalid key object type ${type}, expected secret.`), "ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE");

export const unknownCipher = (cause?: unknown): Error =>
  coded(new Error("Unknown cipher", because(cause)), "ERR_CRYPTO_UNKNOWN_CIPHER");

export const unknownDigest = (cause?: unknown): Error => new Error("Digest method not supported", because(cause));

export const invalidDigest = (name: string, cause?: unknown): TypeError =>
  coded(new TypeError(`Invalid digest: ${name}`, because(cause)), "ERR_CRYPTO_INVALID_DIGEST");

export const invalidKeyLength = (): RangeError =>
  coded(new RangeError("Invalid key length"), "ERR_CRYPTO_INVALID_KEYLEN");

export const invalidIv = (cause?: unknown): TypeError =>
  coded(new TypeError("Invalid initialization vector", because(cause)), "ERR_CRYPTO_INVALID_IV");

export const invalidAuthTag = (message: string): TypeError =>
  coded(new TypeError(message), "ERR_CRYPTO_INVALID_AUTH_TAG");

export const invalidState = (operation?: string): Error =>
  coded(
    new Error(operation === undefined ? "Invalid state" : `Invalid state for operation ${operation}`),
    "ERR_CRYPTO_INVALID_STATE",
  );

export const hashFinalized = (): Error => coded(new Error("Digest already called"), "ERR_CRYPTO_HASH_FINALIZED");

export const hashUpdateFailed = (): Error => coded(new Error("Hash update failed"), "ERR_CRYPTO_HASH_UPDATE_FAILED");

export const cannotAdd = (): Error => new Error("Trying to add data in unsupported state");

export const cannotAuthenticate = (cause?: unknown): Error =>
  new Error("Unsupported state or unable to authenticate data", because(cause));

function openssl(number: string, library: string, reason: string, code: string, cause?: unknown): Error {
  return coded(new Error(`error:${number}:${library}::${reason}`, because(cause)), code, { library, reason });
}

export const wrongFinalBlockLength = (cause?: unknown): Error =>
  openssl("1C80006B", "Provider routines", "wrong final block length", "ERR_OSSL_WRONG_FINAL_BLOCK_LENGTH", cause);

export const badDecrypt = (cause?: unknown): Error =>
  openssl("1C800064", "Provider routines", "bad decrypt", "ERR_OSSL_BAD_DECRYPT", cause);

export const notXof = (): Error =>
  openssl(
    "030000B2",
    "digital envelope routines",
    "not XOF or invalid length",
    "ERR_OSSL_EVP_NOT_XOF_OR_INVALID_LENGTH",
  );
