import type { CipherName, MacName, NamedCipher, NamedMac } from "../algorithms/catalogue.ts";
import { checkKey, checkMacKey } from "../checks.ts";
import type { DeviceFile } from "../kernel/device_file.ts";
import { KernelSession } from "../kernel/kernel_session.ts";

/** Starts the kernel's session for a cipher. */
export function startCipher(file: DeviceFile, cipher: NamedCipher, key: Uint8Array): KernelSession {
  checkKey(key, cipher);
  const { id, kernelName } = cipher.algorithm;
  return KernelSession.start(file, cipher.name, `${kernelName}`, { cipher: id, key, mac: 0, macKey: undefined });
}

/** Starts the kernel's session for a hash or an HMAC. */
export function startMac(file: DeviceFile, mac: NamedMac<MacName>, key: Uint8Array | undefined): KernelSession {
  checkMacKey(key, mac);
  const parameters = { cipher: 0, key: undefined, mac: mac.id, macKey: key };
  return KernelSession.start(file, mac.name, `${mac.kernelName}`, parameters);
}

/** The algorithms and keys of a session with a cipher and a mac. */
export interface CipherAndMac<Cipher extends CipherName = CipherName, Mac extends MacName = MacName> {
  readonly cipher: NamedCipher<Cipher>;
  readonly key: Uint8Array;
  readonly mac: NamedMac<Mac>;
  readonly macKey: Uint8Array | undefined;
}

/**
 * Starts the kernel's session for a cipher and a mac.
 *
 * @param protocol - what the session is for, in messages
 */
export function startWithMac(
  file: DeviceFile,
  protocol: "" | "tls with " | "srtp with ",
  { cipher, key, mac, macKey }: CipherAndMac,
): KernelSession {
  checkKey(key, cipher);
  checkMacKey(macKey, mac);
  const { id, kernelName } = cipher.algorithm;
  const label = `${protocol}${cipher.name} ${protocol === "" ? "with" : "and"} ${mac.name}`;
  const parameters = { cipher: id, key, mac: mac.id, macKey };
  return KernelSession.start(file, label, `${kernelName} or ${mac.kernelName}`, parameters);
}
