import type { MacAlgorithm } from "../abi/macs.ts";
import type { NamedCipher } from "../algorithms.ts";
import { checkKey, checkOptionalMacKey } from "../checks.ts";
import type { Descriptor } from "../descriptor.ts";
import type { Device } from "../device.ts";
import { Session } from "./session.ts";

/** A session that has a cipher and a mac: the part that all kinds share. */
export abstract class CipherWithMac extends Session {
  /** The cipher's name, as it was asked for. */
  readonly name: string;
  /** The mac's name. */
  readonly mac: string;

  /** @internal */
  protected constructor(
    device: Device,
    descriptor: Descriptor,
    label: string,
    cipher: NamedCipher,
    key: Uint8Array,
    mac: MacAlgorithm,
    mackey: Uint8Array | undefined,
  ) {
    checkKey(key, cipher);
    checkOptionalMacKey(mackey, mac);
    const { id, kernelName } = cipher.algorithm;
    const start = { cipher: id, key, mac: mac.id, ...(mackey === undefined ? {} : { mackey }) };
    super(device, descriptor, label, `${kernelName} or ${mac.kernelName}`, start);
    this.name = cipher.name;
    this.mac = mac.name;
  }
}
