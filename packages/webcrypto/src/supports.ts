import { type Described, describe, hashOf, lackOf, membersOf, ourKeys, ours } from "./algorithms.ts";
import { cipherWork } from "./ciphers.ts";
import { Lack } from "./errors.ts";
import type { KeyAlgorithm } from "./platform.ts";

/**
 * Returns the device's names of the algorithms that an operation needs, such as `aes-gcm` or `hmac-sha256`.
 *
 * @param extra - the algorithm of the other key of wrapKey and unwrapKey
 * @returns `undefined` if the device cannot support it
 */
export function namesFor(operation: unknown, algorithm: unknown, extra: unknown): readonly string[] | undefined {
  try {
    switch (String(operation)) {
      case "digest":
        return [String(hashOf(ours(describe(algorithm, membersOf.digest)).name))];
      case "sign":
      case "verify":
        ours(describe(algorithm, membersOf.mac));
        return [];
      case "generateKey": {
        const described = describe(algorithm, membersOf.generate);
        const names = ofKeys(described);
        return hasValidLength(described?.value as KeyAlgorithm) ? names : undefined;
      }
      case "importKey":
      case "exportKey":
        return ofKeys(describe(algorithm, membersOf.import));
      case "encrypt":
      case "decrypt":
        return [ofCipher(algorithm)];
      case "wrapKey":
      case "unwrapKey":
        return [ofCipher(algorithm), ...(extra == null ? [] : ofKeys(describe(extra, membersOf.import)))];
      default:
        return undefined;
    }
  } catch (error) {
    if (error instanceof Lack) return undefined;
    throw error;
  }
}

/** @throws {Lack} if the device cannot support it */
function ofCipher(algorithm: unknown): string {
  const parameters = ours(describe(algorithm, membersOf.cipher));
  cipherWork(parameters).check(0, true);
  return parameters.name.toLowerCase();
}

/** @throws {Lack} if the device cannot support them */
function ofKeys(algorithm: Described | undefined): readonly string[] {
  const parameters = ourKeys(algorithm) as KeyAlgorithm;
  const lack = lackOf(parameters);
  if (lack !== undefined) throw new Lack(lack);
  return [parameters.name === "HMAC" ? `hmac-${hashOf(parameters.hash?.name)}` : parameters.name.toLowerCase()];
}

/** Checks how long a key is to be: that of an HMAC has a default. */
function hasValidLength({ name, length }: KeyAlgorithm): boolean {
  return name === "HMAC" ? length !== 0 : length === 128 || length === 192 || length === 256;
}
