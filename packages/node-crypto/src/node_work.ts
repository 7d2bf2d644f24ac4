import type { CipherGCM, DecipherGCM } from "node:crypto";
import type { AuthenticatedWork } from "./work.ts";

/** A cipher of node:crypto, for what the device does not support. It refuses calls that do not apply to its mode. */
export class NodeWork implements AuthenticatedWork {
  readonly #cipher: CipherGCM & DecipherGCM;

  constructor(cipher: object) {
    this.#cipher = cipher as CipherGCM & DecipherGCM;
  }

  update(data: Uint8Array): Uint8Array {
    return this.#cipher.update(data);
  }

  final(): Uint8Array {
    return this.#cipher.final();
  }

  setAutoPadding(pads: boolean): void {
    this.#cipher.setAutoPadding(pads);
  }

  setAAD(aad: Uint8Array, plaintextLength: number | undefined): void {
    this.#cipher.setAAD(aad, plaintextLength === undefined ? undefined : { plaintextLength });
  }

  get tag(): Uint8Array {
    return this.#cipher.getAuthTag();
  }

  setAuthTag(tag: Uint8Array): void {
    this.#cipher.setAuthTag(tag);
  }

  moveTo(): void {}

  close(): void {}
}
