import { Argument, type LibcHost, littleEndian } from "@cryptodev/core";

/** Memory for the messages of one direction: a header, and what it announces. */
export class Message extends Argument {
  constructor(host: LibcHost, size: number) {
    super(host, { name: "message", fields: [["bytes", "char", size]] });
  }

  /** A 64-bit number. Beyond 2 ** 53, where neither addresses nor numbers of ours are, it is rounded. */
  getUint64(offset: number): number {
    const [low, high] = littleEndian ? [offset, offset + 4] : [offset + 4, offset];
    return this.getUint32(high) * 2 ** 32 + this.getUint32(low);
  }

  setUint64(offset: number, value: number): void {
    const [low, high] = littleEndian ? [offset, offset + 4] : [offset + 4, offset];
    this.setUint32(low, value >>> 0);
    this.setUint32(high, Math.floor(value / 2 ** 32));
  }
}
