import { type CipherAlgorithm, isList, type SizeRange } from "./abi/ciphers.ts";
import { CRYPTO_HMAC_MAX_KEY_LEN } from "./abi/constants.ts";
import type { Ioctl } from "./abi/ioctl.ts";
import { CIOCAUTHCRYPT, CIOCCRYPT } from "./abi/ioctls.ts";
import {
  type AeadName,
  type CipherName,
  type HashName,
  type HmacName,
  hashes,
  hmacs,
  isAead,
  isPlainCipher,
  type NamedCipher,
  type NamedMac,
  namedCiphers,
} from "./algorithms/catalogue.ts";
import { CryptodevError, HardwareRequiredError } from "./errors.ts";
import type { DeviceFile, SessionParameters } from "./kernel/device_file.ts";
import { KernelSession } from "./kernel/kernel_session.ts";
import { option } from "./options.ts";
import { nonceSizesOf } from "./sessions/aead.ts";
import { inWords } from "./words.ts";

/** An algorithm that works: a session starts, and its operations reach the driver. */
export interface Available {
  /** It works. */
  readonly available: true;
  /** The driver that serves it. */
  readonly driver: string;
  /** Whether that driver is hardware. */
  readonly hardware: boolean;
  /** Data at an address that is a multiple of `alignmask + 1` is not copied; see {@link Device.allocate}. */
  readonly alignmask: number;
}

/** An algorithm that does not work. */
export interface Unavailable {
  /** It does not work. */
  readonly available: false;
  /**
   * Why: `"no-driver"` if the kernel does not have it; `"no-hardware"` if only software implements it, and the device was
   * opened with `hardware: "require"`; `"32-bit-process"` if this is a 32-bit process on a 64-bit kernel, whose driver
   * does not support CIOCAUTHCRYPT in that case.
   */
  readonly reason: "no-driver" | "no-hardware" | "32-bit-process";
}

/** A cipher of {@link Device.cipher}. */
export interface CipherCapability {
  /** It is a cipher. */
  readonly kind: "cipher";
  /** The name to pass to {@link Device.cipher}. */
  readonly name: CipherName;
  /** All key sizes in bytes, or their range. */
  readonly keySizes: CipherAlgorithm["keySizes"];
  /** The length of the data must be a multiple of this, in bytes. */
  readonly blockSize: number;
  /** Bytes in an iv; 0 if the cipher does not use one. */
  readonly ivSize: number;
}

/** An authenticated cipher of {@link Device.aead}. */
export interface AeadCapability {
  /** It is an authenticated cipher. */
  readonly kind: "aead";
  /** The name to pass to {@link Device.aead}. */
  readonly name: AeadName;
  /** All key sizes in bytes, or their range. */
  readonly keySizes: CipherAlgorithm["keySizes"];
  /** The smallest and the largest size of a nonce, in bytes. */
  readonly nonceSize: SizeRange;
  /** All tag sizes, in bytes. */
  readonly tagSizes: readonly number[];
}

/** A hash of {@link Device.hash}. */
export interface HashCapability {
  /** It is a hash. */
  readonly kind: "hash";
  /** The name to pass to {@link Device.hash}. */
  readonly name: HashName;
  /** Bytes in a digest. */
  readonly digestSize: number;
}

/** An HMAC of {@link Device.hmac}. */
export interface HmacCapability {
  /** It is an HMAC. */
  readonly kind: "hmac";
  /** The name to pass to {@link Device.hmac}: that of the hash. */
  readonly name: HmacName;
  /** The range of key sizes, in bytes. */
  readonly keySizes: SizeRange;
  /** Bytes in a mac. */
  readonly digestSize: number;
}

/** One algorithm, whether this device supports it, and what serves it. Plain data. */
export type Capability = (CipherCapability | AeadCapability | HashCapability | HmacCapability) &
  (Available | Unavailable);

/** Options of {@link Device.capabilities}. */
export interface CapabilityOptions {
  /**
   * `"require"` omits algorithms that no hardware serves, `"prefer"` puts those last. Defaults to `"allow"`,
   * which does neither.
   */
  readonly hardware?: "require" | "prefer" | "allow" | undefined;
}

/**
 * Starts a session only to ask what serves it.
 *
 * @param ioctl - the ioctl that runs its operations
 */
function availability(
  file: DeviceFile,
  name: string,
  parameters: SessionParameters,
  ioctl: Ioctl = CIOCCRYPT,
): Available | Unavailable {
  let session: KernelSession;
  try {
    session = KernelSession.start(file, name, name, parameters);
  } catch (error) {
    if (error instanceof HardwareRequiredError) return { available: false, reason: "no-hardware" };
    if (error instanceof CryptodevError && error.code === "EINVAL") return { available: false, reason: "no-driver" };
    throw error;
  }
  try {
    if (!file.answers(ioctl)) return { available: false, reason: "32-bit-process" };
    const { cipher, mac, hardware, alignmask } = session.info();
    return { available: true, driver: `${(cipher ?? mac)?.driver}`, hardware, alignmask };
  } finally {
    session.end("it was only asked about");
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

function cipherCapability(file: DeviceFile, { name, algorithm }: NamedCipher<CipherName>): Capability {
  const { id, keySizes, blockSize, ivSize } = algorithm;
  const served = availability(file, name, { cipher: id, key: trialKey(keySizes), mac: 0, macKey: undefined });
  return { kind: "cipher", name, ...served, keySizes: copyOf(keySizes), blockSize, ivSize };
}

function aeadCapability(file: DeviceFile, { name, algorithm }: NamedCipher<AeadName>): Capability {
  const { id, keySizes, tagSizes = [] } = algorithm;
  const parameters = { cipher: id, key: trialKey(keySizes), mac: 0, macKey: undefined };
  const served = availability(file, name, parameters, CIOCAUTHCRYPT);
  const nonceSize = { ...nonceSizesOf(name) };
  return { kind: "aead", name, ...served, keySizes: copyOf(keySizes), nonceSize, tagSizes: [...tagSizes] };
}

function hashCapability(file: DeviceFile, { id, name, digestSize }: NamedMac<HashName>): Capability {
  const served = availability(file, name, { cipher: 0, key: undefined, mac: id, macKey: undefined });
  return { kind: "hash", name, ...served, digestSize };
}

function hmacCapability(file: DeviceFile, mac: NamedMac & { readonly hash: HmacName }): Capability {
  const keySizes = { min: 0, max: CRYPTO_HMAC_MAX_KEY_LEN };
  const parameters = { cipher: 0, key: undefined, mac: mac.id, macKey: trialKey(keySizes) };
  const served = availability(file, mac.name, parameters);
  return { kind: "hmac", name: mac.hash, ...served, keySizes, digestSize: mac.digestSize };
}

const isHardware = (capability: Capability): boolean => capability.available && capability.hardware;

/** Tries every algorithm; see {@link Device.capabilities}. */
export function capabilitiesOf(file: DeviceFile, options: CapabilityOptions | undefined): Capability[] {
  const hardware = option(options, "hardware", "capabilities", "allow");
  if (hardware !== "allow" && hardware !== "require" && hardware !== "prefer") {
    throw new RangeError(
      `hardware: expected "allow", "require" or "prefer", got ${inWords(hardware, ["allow", "require", "prefer"])}`,
    );
  }
  // Each algorithm once, under the name that does not include a key size.
  const ciphers = namedCiphers.filter(({ name, algorithm }) => name === algorithm.name);
  const all = [
    ...ciphers.filter(isPlainCipher).map((cipher) => cipherCapability(file, cipher)),
    ...ciphers.filter(isAead).map((cipher) => aeadCapability(file, cipher)),
    ...hashes.map((mac) => hashCapability(file, mac)),
    ...hmacs.map((mac) => hmacCapability(file, mac)),
  ].sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0));
  if (hardware === "require") return all.filter(isHardware);
  return hardware === "prefer" ? all.sort((one, other) => Number(isHardware(other)) - Number(isHardware(one))) : all;
}
