import type { CipherAlgorithm } from "./abi/ciphers.ts";
import type { MacAlgorithm } from "./abi/macs.ts";

/** One algorithm, whether it works here, and what does it. Plain data. */
export interface Capability {
  /** The name that {@link Device.cipher}, {@link Device.aead}, {@link Device.hash} or {@link Device.hmac} takes. */
  readonly name: string;
  /** Which of them takes it. */
  readonly kind: "cipher" | "aead" | "hash" | "hmac";
  /** Whether a session of it can be started here. */
  readonly available: boolean;
  /** The driver that serves it; `undefined` where it is not available. */
  readonly driver: string | undefined;
  /** Whether that driver is hardware. */
  readonly hardware: boolean;
  /** Data at multiples of `alignmask + 1` is not copied; see {@link Device.allocate}. */
  readonly alignmask: number;
  /** Every key size in bytes, or the least and the most; `undefined` for a hash. */
  readonly keySizes: CipherAlgorithm["keySizes"] | undefined;
  /** Data is a multiple of this many bytes. */
  readonly blockSize: number;
  /** Bytes in an iv; 0 without one. For an AEAD it is the kernel's, of which the nonce is a part. */
  readonly ivSize: number;
  /** The tag sizes of an AEAD, in bytes. */
  readonly tagSizes: readonly number[] | undefined;
  /** Bytes in a digest; `undefined` for a cipher. */
  readonly digestSize: number | undefined;
}

/** Options of {@link Device.capabilities}. */
export interface CapabilityOptions {
  /** `"require"` leaves out what hardware does not do, `"prefer"` puts it last, `"allow"`, if left out, does neither. */
  readonly hardware?: "require" | "prefer" | "allow" | undefined;
}

/** What a session told of its driver. */
export type Served = Pick<Capability, "available" | "driver" | "hardware" | "alignmask">;

export const notServed: Served = { available: false, driver: undefined, hardware: false, alignmask: 0 };

export function cipherCapability(
  { name, kind, keySizes, blockSize, ivSize, tagSizes }: CipherAlgorithm,
  served: Served,
): Capability {
  return {
    name,
    kind: kind === "aead" ? "aead" : "cipher",
    ...served,
    keySizes,
    blockSize,
    ivSize,
    tagSizes,
    digestSize: undefined,
  };
}

export function macCapability({ hash, keyed, digestSize }: MacAlgorithm, served: Served): Capability {
  const keySizes = keyed ? { min: 0, max: 512 } : undefined;
  return {
    name: hash,
    kind: keyed ? "hmac" : "hash",
    ...served,
    keySizes,
    blockSize: 1,
    ivSize: 0,
    tagSizes: undefined,
    digestSize,
  };
}

/** Applies the policy of the options. */
export function byPolicy(capabilities: readonly Capability[], { hardware = "allow" }: CapabilityOptions): Capability[] {
  if (hardware === "require") return capabilities.filter((capability) => capability.hardware);
  if (hardware === "prefer")
    return [...capabilities].sort((one, other) => Number(other.hardware) - Number(one.hardware));
  return [...capabilities];
}

/** A key to try an algorithm with: of a good size, and no two halves of it alike, as some drivers refuse that. */
export function trialKey(keySizes: CipherAlgorithm["keySizes"]): Uint8Array {
  const size = "min" in keySizes ? Math.min(16, keySizes.max) : (keySizes[0] as number);
  return Uint8Array.from({ length: size }, (_, index) => index * 37 + 1);
}
