const NUMBERS = 16;
const PIECES = 4;
const BYTES = 1024;

/** A message between two threads: numbers, and a few pieces of bytes, which may be keys. */
export interface Message {
  readonly numbers: readonly number[];
  readonly pieces: readonly Uint8Array[];
}

/** Memory that two threads share, for one message at a time. They agree by other means whose turn it is. */
export class Mailbox {
  readonly shared: SharedArrayBuffer;
  readonly #numbers: Float64Array;
  readonly #sizes: Float64Array;
  readonly #bytes: Uint8Array;

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer((NUMBERS + PIECES) * 8 + BYTES)) {
    this.shared = shared;
    this.#numbers = new Float64Array(shared, 0, NUMBERS);
    this.#sizes = new Float64Array(shared, NUMBERS * 8, PIECES);
    this.#bytes = new Uint8Array(shared, (NUMBERS + PIECES) * 8);
  }

  put({ numbers, pieces }: Message): void {
    this.#numbers.set(numbers);
    let end = 0;
    for (const [index, piece] of pieces.entries()) {
      this.#sizes[index] = piece.length;
      this.#bytes.set(piece, end);
      end += piece.length;
    }
    this.#sizes.fill(0, pieces.length);
  }

  /** Returns a copy of the message, and wipes it here. */
  take(): Message {
    let end = 0;
    const pieces = [...this.#sizes].map((size) => {
      // Memory outside of the garbage collector's heap, so that a key in it can be wiped.
      const piece = new Uint8Array(new ArrayBuffer(size));
      piece.set(this.#bytes.subarray(end, end + size));
      end += size;
      return piece;
    });
    this.#bytes.fill(0, 0, end);
    return { numbers: [...this.#numbers], pieces };
  }
}
