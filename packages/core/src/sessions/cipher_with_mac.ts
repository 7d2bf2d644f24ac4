import type { MacAlgorithm } from "../abi/macs.ts";
import type { NamedCipher } from "../algorithms.ts";
import { checkKey, checkMacKey } from "../checks.ts";
import type { Device } from "../device.ts";
import type { DeviceFile } from "../kernel/device_file.ts";
import { Session } from "./session.ts";

/** The parameters of a session with a cipher and a mac. */
export interface CipherAndMac {
  readonly cipher: NamedCipher;
  readonly key: Uint8Array;
  readonly mac: MacAlgorithm;
  readonly mackey?: Uint8Array | undefined;
}

/** The common base of sessions with a cipher and a mac. */
export abstract class CipherWithMac extends Session {
  /** The cipher's name, as it was requested. */
  readonly name: string;
  /** The mac's name. */
  readonly mac: string;

  /** @internal */
  protected constructor(device: Device, file: DeviceFile, label: string, { cipher, key, mac, mackey }: CipherAndMac) {
    checkKey(key, cipher);
    checkMacKey(mackey, mac);
    const { id, kernelName } = cipher.algorithm;
    super(device, file, label, `${kernelName} or ${mac.kernelName}`, { cipher: id, key, mac: mac.id, mackey });
    this.name = cipher.name;
    this.mac = mac.name;
  }
}
