import { randomBytes } from "node:crypto";

/** One message that is processed piece by piece, or all of it in `final`. */
export interface Message {
  update(piece: Uint8Array): Uint8Array;
  final(): Uint8Array;
}

/** A message that can be processed. */
export interface Started {
  /** What precedes the output: a random iv, or nothing. */
  readonly head: Uint8Array;
  readonly message: Message;
}

/** No bytes. */
export const NOTHING: Uint8Array = new Uint8Array(0);

/** Starts a message with a random iv: a new one to encrypt, the one before the ciphertext to decrypt. */
export function withRandom(
  direction: "encrypt" | "decrypt",
  size: number,
  begin: (iv: Uint8Array) => Message,
): Started {
  if (direction === "decrypt") return { head: NOTHING, message: afterIv(size, begin) };
  const head = randomBytes(size);
  return { head, message: begin(head) };
}

/** A message that starts as soon as its iv was read. */
function afterIv(size: number, begin: (iv: Uint8Array) => Message): Message {
  let iv = Buffer.alloc(0);
  let message: Message | undefined;
  return {
    update(piece) {
      if (message !== undefined) return message.update(piece);
      const start = Buffer.concat([iv, piece]);
      iv = start.subarray(0, size);
      if (iv.length < size) return NOTHING;
      message = begin(iv);
      return message.update(start.subarray(size));
    },
    final() {
      if (message !== undefined) return message.final();
      throw new Error(`the input: expected an iv of ${size} bytes at its beginning, got ${iv.length} bytes in all`);
    },
  };
}

/** Processes a message that cannot be divided. */
export function whole(run: (data: Uint8Array) => Uint8Array): Message {
  const pieces: Uint8Array[] = [];
  return {
    update(piece) {
      pieces.push(piece);
      return NOTHING;
    },
    final: () => run(Buffer.concat(pieces)),
  };
}
