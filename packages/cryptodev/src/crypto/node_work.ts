import type { CipherGCM, DecipherGCM } from "node:crypto";
import type { AuthenticatedWork } from "./work.ts";

/** What the device cannot do: node:crypto's own cipher, which refuses by itself what is not for its kind. */
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
