import type { Capability, Unavailable } from "@cryptodev/core";
import { ciphers, macs } from "@cryptodev/core/abi";

/** Names in the kernel's configuration that differ from the algorithm's name. */
const named: Readonly<Record<string, string>> = {
  des3_ede: "DES",
  cipher_null: "NULL",
  sha224: "SHA256",
  sha384: "SHA512",
};

interface Algorithm {
  readonly name: string;
  readonly kernelName?: string;
  readonly removedIn?: string;
}

const algorithms: readonly Algorithm[] = [...Object.values(ciphers), ...Object.values(macs)];

/** Whether a release of Linux, such as `6.12.118-cloud`, is at least another one, such as `6.8`. */
function isSince(release: string, since: string): boolean {
  const [major = 0, minor = 0] = since.split(".").map(Number);
  const [ours = 0, oursMinor = 0] = release.split(".").map(Number.parseFloat);
  return ours > major || (ours === major && oursMinor >= minor);
}

/**
 * Says what to do about an algorithm that is not available.
 *
 * @param release - that of the kernel, as `os.release()` returns it
 */
export function remedyFor({ name, kind, reason }: Capability & Unavailable, release: string): string {
  const own = kind === "hmac" ? `hmac-${name}` : name;
  const { kernelName = own, removedIn } = algorithms.find((algorithm) => algorithm.name === own) ?? { name };
  if (reason === "32-bit-process")
    return `${kernelName}: not for a 32-bit process on a 64-bit kernel; use a 64-bit runtime`;
  if (reason === "no-hardware") return `${kernelName}: only software implements it here; omit --require-hardware`;
  const gone = `Linux ${removedIn} and newer no longer have it`;
  if (removedIn !== undefined && isSince(release, removedIn)) return `${kernelName}: ${gone}; use node:crypto`;
  const parts = kernelName.match(/\w+/g) ?? [];
  const options = parts.map((part) => `CONFIG_CRYPTO_${named[part] ?? part.toUpperCase()}`);
  const needs = `${kernelName}: needs ${options.join(" and ")} in the kernel, built in or as modules`;
  return removedIn === undefined ? needs : `${needs}; ${gone}`;
}
