import { type Layout, littleEndian, type Struct } from "@cryptodev/core";
import { copyFromUser, copyToUser, type Memory } from "./memory.ts";

/** The device's copy of a caller's struct, as `copy_from_user` makes it: the caller sees nothing until it is written back. */
export class UserStruct<S extends Struct> {
  readonly size: number;
  readonly offset: Layout<S>["offset"];
  readonly width: Layout<S>["width"];
  readonly #memory: Memory;
  readonly #address: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #pointerSize: number;

  /**
   * @param isRead - whether the driver reads the struct at all; one that it only answers with starts as zeros
   * @throws `Errno` EFAULT where the struct is read and not readable
   */
  constructor(layout: Layout<S>, pointerSize: number, memory: Memory, address: number, isRead: boolean) {
    const bytes = isRead ? copyFromUser(memory, address, layout.size, "argument") : new Uint8Array(layout.size);
    this.size = layout.size;
    this.offset = layout.offset;
    this.width = layout.width;
    this.#memory = memory;
    this.#address = address;
    this.#bytes = bytes.slice();
    this.#view = new DataView(this.#bytes.buffer);
    this.#pointerSize = pointerSize;
  }

  getUint16(offset: number): number {
    return this.#view.getUint16(offset, littleEndian);
  }

  setUint16(offset: number, value: number): void {
    this.#view.setUint16(offset, value, littleEndian);
  }

  getUint32(offset: number): number {
    return this.#view.getUint32(offset, littleEndian);
  }

  setUint32(offset: number, value: number): void {
    this.#view.setUint32(offset, value, littleEndian);
  }

  /** A pointer. Beyond 2 ** 53, where no user memory is, it is rounded. */
  getPointer(offset: number): number {
    if (this.#pointerSize === 4) return this.getUint32(offset);
    return Number(this.#view.getBigUint64(offset, littleEndian));
  }

  setPointer(offset: number, address: number): void {
    if (this.#pointerSize === 4) this.setUint32(offset, address);
    else this.#view.setBigUint64(offset, BigInt(address), littleEndian);
  }

  /** Sets a `char` array: the text, cut where it must be, and a zero. What comes after that stays. */
  setString(offset: number, width: number, text: string): void {
    const cut = text.slice(0, width - 1);
    for (let index = 0; index < cut.length; index += 1) this.#bytes[offset + index] = cut.charCodeAt(index);
    this.#bytes[offset + cut.length] = 0;
  }

  /** Takes over another copy of the same struct. */
  copyFrom(other: UserStruct<S>): void {
    this.#bytes.set(other.#bytes);
  }

  /** Writes the copy back over the caller's. @throws `Errno` EFAULT where that is not writable */
  writeBack(): void {
    if (this.#memory.writeOnReturn?.(this.#address, this.#bytes)) return;
    copyToUser(this.#memory, this.#address, this.#bytes, "argument");
  }

  /** The same, but tells of a fault instead of throwing it. */
  tryWriteBack(): boolean {
    return this.#memory.write(this.#address, this.#bytes);
  }
}
