import { CRYPTO_CIPHER_MAX_KEY_LEN, CRYPTO_HMAC_MAX_KEY_LEN } from "../abi/constants.ts";
import type { Host } from "../host/host.ts";
import { alignedMemory } from "../memory/aligned.ts";
import { partOf, wipe } from "../memory/bytes.ts";
import { MAX_AAD, PAGE } from "./limits.ts";

/**
 * The largest data, in bytes, that is copied through the arena. Measured by `npm run bench -- --only calls`: looking up
 * an address costs as much as copying a few KiB twice, and the driver pins one page instead of two or four.
 */
export const SMALL = 4096;

/**
 * The arena's layout, as offsets in bytes. Data starts at a page boundary, with room for a tag and padding after it.
 */
const IV = 0;
const MAC = 64;
const AAD = 128;
const DATA = 2 * PAGE;
const SLACK = 128;

/**
 * Memory of the library that the kernel reads and writes in place of the program's: it cannot move, shrink, be detached
 * or serve two purposes at once, and it is aligned for every driver. A device needs only one, because its calls do not
 * overlap.
 */
export class Arena {
  /** Associated data. */
  readonly aad: Uint8Array;
  /** The keys of a session that is being started. They share memory with the associated data. */
  readonly key: Uint8Array;
  readonly mackey: Uint8Array;
  /** Data, with room for what an operation appends to it. */
  readonly data: Uint8Array;
  readonly #memory: Uint8Array;
  /** The view that was requested last: sizes recur, and creating a view costs more than the copy. */
  #part: Uint8Array;
  #partSize = 0;

  constructor(host: Host) {
    // No driver requires more than page alignment.
    this.#memory = alignedMemory(host, DATA + SMALL + SLACK, PAGE - 1);
    this.aad = partOf(this.#memory, AAD, AAD + MAX_AAD);
    this.key = partOf(this.#memory, AAD, AAD + CRYPTO_CIPHER_MAX_KEY_LEN);
    const mackey = AAD + CRYPTO_CIPHER_MAX_KEY_LEN;
    this.mackey = partOf(this.#memory, mackey, mackey + CRYPTO_HMAC_MAX_KEY_LEN);
    this.data = partOf(this.#memory, DATA, DATA + SMALL + SLACK);
    this.#part = partOf(this.data, 0, 0);
  }

  /** Returns memory for an iv of `size` bytes. */
  iv(size: number): Uint8Array {
    return partOf(this.#memory, IV, IV + size);
  }

  /** Returns memory for a mac or a tag of `size` bytes. */
  mac(size: number): Uint8Array {
    return partOf(this.#memory, MAC, MAC + size);
  }

  /** Returns the first `size` bytes of the data. */
  first(size: number): Uint8Array {
    if (size !== this.#partSize) {
      this.#part = partOf(this.data, 0, size);
      this.#partSize = size;
    }
    return this.#part;
  }

  /** Overwrites everything. */
  wipe(): void {
    wipe(this.#memory, this.#memory.length);
  }
}
