import { type CipherAlgorithm, isList } from "./abi/ciphers.ts";
import { CRYPTO_HMAC_MAX_KEY_LEN } from "./abi/constants.ts";
import type { Ioctl } from "./abi/ioctl.ts";
import { CIOCAUTHCRYPT, CIOCCRYPT } from "./abi/ioctls.ts";
import type { MacAlgorithm } from "./abi/macs.ts";
import { type AeadName, allCiphers, allMacs, type CipherName, type HashName, type HmacName } from "./algorithms.ts";
import type { Device } from "./device.ts";
import { CryptodevError } from "./errors.ts";
import { option } from "./options.ts";
import type { Session } from "./sessions/session.ts";
import { inWords } from "./words.ts";

/** One algorithm, whether this device supports it, and what serves it. Plain data. */
export interface Capability {
  /** The name to pass to {@link Device.cipher}, {@link Device.aead}, {@link Device.hash} or {@link Device.hmac}. */
  readonly name: string;
  /** Which of these methods accepts the name. */
  readonly kind: "cipher" | "aead" | "hash" | "hmac";
  /** Whether it works: a session starts, and its operations reach the driver. */
  readonly available: boolean;
  /**
   * Why it is not available; `undefined` if it is. `"no-driver"`: the kernel does not have it. `"no-hardware"`: only
   * software implements it, and the device was opened with `hardware: "require"`. `"32-bit-process"`: this is a 32-bit
   * process on a 64-bit kernel, whose driver does not support CIOCAUTHCRYPT in that case.
   */
  readonly reason: "no-driver" | "no-hardware" | "32-bit-process" | undefined;
  /** The driver that serves it; `undefined` if it is not available. */
  readonly driver: string | undefined;
  /** Whether that driver is hardware. */
  readonly hardware: boolean;
  /** Data at an address that is a multiple of `alignmask + 1` is not copied; see {@link Device.allocate}. */
  readonly alignmask: number;
  /** All key sizes in bytes, or their range; `undefined` for a hash. */
  readonly keySizes: CipherAlgorithm["keySizes"] | undefined;
  /** The length of the data must be a multiple of this, in bytes. */
  readonly blockSize: number;
  /**
   * Bytes in an iv; 0 if the algorithm does not use one. For an AEAD it is the size of the kernel's iv, which contains
   * the nonce.
   */
  readonly ivSize: number;
  /** The tag sizes of an AEAD, in bytes. */
  readonly tagSizes: readonly number[] | undefined;
  /** Bytes in a digest; `undefined` for a cipher. */
  readonly digestSize: number | undefined;
}

/** Options of {@link Device.capabilities}. */
export interface CapabilityOptions {
  /**
   * `"require"` omits algorithms that hardware does not support, `"prefer"` puts them last. Defaults to `"allow"`,
   * which does neither.
   */
  readonly hardware?: "require" | "prefer" | "allow" | undefined;
}

/** What a session reports about its driver. */
type Served = Pick<Capability, "available" | "reason" | "driver" | "hardware" | "alignmask">;

const unserved = (reason: Served["reason"]): Served => ({
  available: false,
  reason,
  driver: undefined,
  hardware: false,
  alignmask: 0,
});

/**
 * Starts a session only to ask what serves it.
 *
 * @param ioctl - the ioctl that runs its operations
 */
function served(start: () => Session, ioctl: Ioctl = CIOCCRYPT): Served {
  let session: Session;
  try {
    session = start();
  } catch (error) {
    if (error instanceof CryptodevError && error.code === "EINVAL") return unserved("no-driver");
    if (error instanceof CryptodevError && error.code === "ENODEV") return unserved("no-hardware");
    throw error;
  }
  try {
    if (!session.device.answers(ioctl)) return unserved("32-bit-process");
    const { cipher, mac, hardware, alignmask } = session.info();
    return { available: true, reason: undefined, driver: (cipher ?? mac)?.driver, hardware, alignmask };
  } finally {
    session.close();
  }
}

/** Copies a list or range: a program may change what it receives. */
function copyOf(sizes: CipherAlgorithm["keySizes"]): CipherAlgorithm["keySizes"] {
  return isList(sizes) ? [...sizes] : { ...sizes };
}

/**
 * A key to try an algorithm with: of a valid size, and with two different halves, because some drivers refuse equal
 * ones.
 */
function trialKey(keySizes: CipherAlgorithm["keySizes"]): Uint8Array {
  const size = isList(keySizes) ? (keySizes[0] as number) : Math.min(16, keySizes.max);
  return Uint8Array.from({ length: size }, (_, index) => index * 37 + 1);
}

function cipherCapability(device: Device, algorithm: CipherAlgorithm): Capability {
  const { name, kind, keySizes, blockSize, ivSize, tagSizes } = algorithm;
  const key = trialKey(keySizes);
  return {
    name,
    kind: kind === "aead" ? "aead" : "cipher",
    ...(kind === "aead"
      ? served(() => device.aead(name as AeadName, key), CIOCAUTHCRYPT)
      : served(() => device.cipher(name as CipherName, key))),
    keySizes: copyOf(keySizes),
    blockSize,
    ivSize,
    tagSizes: tagSizes && [...tagSizes],
    digestSize: undefined,
  };
}

function macCapability(device: Device, { hash, keyed, digestSize }: MacAlgorithm): Capability {
  const keySizes = keyed ? { min: 0, max: CRYPTO_HMAC_MAX_KEY_LEN } : undefined;
  const start = () =>
    keySizes === undefined ? device.hash(hash as HashName) : device.hmac(hash as HmacName, trialKey(keySizes));
  return {
    name: hash,
    kind: keyed ? "hmac" : "hash",
    ...served(start),
    keySizes,
    blockSize: 1,
    ivSize: 0,
    tagSizes: undefined,
    digestSize,
  };
}

/** Tries every algorithm; see {@link Device.capabilities}. */
export function capabilitiesOf(device: Device, options: CapabilityOptions | undefined): Capability[] {
  const hardware = option(options, "hardware", "capabilities", "allow");
  if (hardware !== "allow" && hardware !== "require" && hardware !== "prefer") {
    throw new RangeError(
      `hardware: expected "allow", "require" or "prefer", got ${inWords(hardware, ["allow", "require", "prefer"])}`,
    );
  }
  const ciphers = allCiphers.filter(({ kernelName, kind }) => kernelName !== undefined && kind !== "record");
  const macs = allMacs.filter(({ kernelName }) => kernelName !== undefined);
  const all = [
    ...ciphers.map((algorithm) => cipherCapability(device, algorithm)),
    ...macs.map((algorithm) => macCapability(device, algorithm)),
  ].sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0));
  if (hardware === "require") return all.filter((capability) => capability.hardware);
  return hardware === "prefer" ? all.sort((one, other) => Number(other.hardware) - Number(one.hardware)) : all;
}
