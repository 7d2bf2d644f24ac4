import { inspect } from "node:util";

/*
 * Errors as node:crypto throws them, with the same classes, codes and messages. Deno and Bun get those of Node.js as
 * well, because programs were written for them.
 */

function coded<E extends Error>(error: E, code: string, details: object = {}): E {
  return Object.assign(error, details, { code });
}

/** Omits an undefined cause, which would be shown. */
const because = (cause: unknown): ErrorOptions => (cause === undefined ? {} : { cause });

/** Describes an unexpected value. It may be a misplaced secret, so text is not repeated. */
function received(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") return "type string";
  if (typeof value === "function") return `function ${value.name}`;
  if (typeof value === "object") {
    const name: unknown = value.constructor?.name;
    return typeof name === "string" && name !== "" ? `an instance of ${name}` : inspect(value, { depth: -1 });
  }
  const text = inspect(value, { colors: false });
  return `type ${typeof value} (${text.length > 28 ? `${text.slice(0, 25)}...` : text})`;
}

export const invalidArgType = (name: string, expected: string, value: unknown): TypeError =>
  coded(
    new TypeError(
      `The "${name}" ${name.includes(".") ? "property" : "argument"} must be ${expected}. Received ${received(value)}`,
    ),
    "ERR_INVALID_ARG_TYPE",
  );

export const invalidArgValue = (message: string): TypeError => coded(new TypeError(message), "ERR_INVALID_ARG_VALUE");

/**
 * Creates the error for a value that is not one of the allowed ones. Shows only primitive values, and cuts long ones.
 */
export function invalidValue(what: string, value: unknown): TypeError {
  const text = typeof value === "object" || typeof value === "function" ? received(value) : inspect(value);
  return invalidArgValue(`The ${what} is invalid. Received ${text.length > 128 ? `${text.slice(0, 128)}...` : text}`);
}

function outOfRange(message: string): RangeError {
  return coded(new RangeError(message), "ERR_OUT_OF_RANGE");
}

/**
 * Checks an unsigned integer of 32 bits.
 *
 * @throws {TypeError} if `value` is not a number
 * @throws {RangeError} if it is not an unsigned integer of 32 bits
 */
export function checkUint32(value: unknown, name: string): void {
  if (typeof value !== "number") throw invalidArgType(name, "of type number", value);
  const most = 2 ** 32 - 1;
  if (value >= 0 && value <= most && Number.isInteger(value)) return;
  const expected = Number.isInteger(value) ? `>= 0 && <= ${most}` : "an integer";
  const isLong = Number.isInteger(value) && Math.abs(value) > 2 ** 32;
  const text = isLong ? String(value).replace(/\B(?=(\d{3})+$)/g, "_") : inspect(value);
  throw outOfRange(`The value of "${name}" is out of range. It must be ${expected}. Received ${text}`);
}

export const dataTooLong = (): RangeError => outOfRange("data is too long");

export const invalidMessageLength = (): RangeError =>
  coded(new RangeError("Invalid message length"), "ERR_CRYPTO_INVALID_MESSAGELEN");

/** For a size that node:crypto supports and a device does not. */
export const beyondDevice = (message: string): RangeError => outOfRange(message);

/** An object in the place of a name may be a secret, and is not repeated. */
export const unknownEncoding = (encoding: unknown): TypeError =>
  coded(
    new TypeError(`Unknown encoding: ${typeof encoding === "object" ? received(encoding) : String(encoding)}`),
    "ERR_UNKNOWN_ENCODING",
  );

export const missingArgs = (message: string): TypeError => coded(new TypeError(message), "ERR_MISSING_ARGS");

export const invalidKeyType = (type: string): TypeError =>
  coded(new TypeError(`Invalid key object type ${type}, expected secret.`), "ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE");

export const unknownCipher = (cause?: unknown): Error =>
  coded(new Error("Unknown cipher", because(cause)), "ERR_CRYPTO_UNKNOWN_CIPHER");

export const hashUnsupported = (name: string, cause?: unknown): Error =>
  new Error(`Digest method ${name} is not supported`, because(cause));

export const unknownDigest = (cause?: unknown): Error => new Error("Digest method not supported", because(cause));

/** @param name - `undefined` if it may be a secret */
export const invalidDigest = (name: string | undefined, cause?: unknown): TypeError =>
  coded(
    new TypeError(name === undefined ? "Invalid digest" : `Invalid digest: ${name}`, because(cause)),
    "ERR_CRYPTO_INVALID_DIGEST",
  );

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

export const duplicatedKeys = (): Error =>
  openssl("1C800095", "Provider routines", "xts duplicated keys", "ERR_OSSL_XTS_DUPLICATED_KEYS");

export const notXof = (): Error =>
  openssl(
    "030000B2",
    "digital envelope routines",
    "not XOF or invalid length",
    "ERR_OSSL_EVP_NOT_XOF_OR_INVALID_LENGTH",
  );
