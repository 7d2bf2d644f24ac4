/** Bytes that only this library refers to: their buffer may be a result. */
export type Bytes = Uint8Array<ArrayBuffer>;

const typedArray: object = Object.getPrototypeOf(Uint8Array.prototype);

type Getter = (this: unknown) => unknown;

function getter(prototype: object, name: string): Getter {
  return Object.getOwnPropertyDescriptor(prototype, name)?.get as Getter;
}

/** The getters of the language: objects with their own `byteLength` cannot falsify what is copied. */
const ofArray = {
  buffer: getter(typedArray, "buffer"),
  offset: getter(typedArray, "byteOffset"),
  size: getter(typedArray, "byteLength"),
};
const ofDataView = {
  buffer: getter(DataView.prototype, "buffer"),
  offset: getter(DataView.prototype, "byteOffset"),
  size: getter(DataView.prototype, "byteLength"),
};
const isTypedArray = getter(typedArray, Symbol.toStringTag as unknown as string);
const bufferSize = getter(ArrayBuffer.prototype, "byteLength");

/** Returns a view of the bytes of a BufferSource, or `undefined` for anything else, shared memory included. */
function viewOf(source: unknown): Uint8Array | undefined {
  try {
    if (!ArrayBuffer.isView(source)) {
      const size = bufferSize.call(source) as number;
      return size === 0 ? new Uint8Array(0) : new Uint8Array(source as ArrayBuffer);
    }
    const get = isTypedArray.call(source) === undefined ? ofDataView : ofArray;
    const buffer = get.buffer.call(source);
    // Throws for shared memory, which WebCrypto does not accept.
    if ((bufferSize.call(buffer) as number) === 0) return new Uint8Array(0);
    return new Uint8Array(buffer as ArrayBuffer, get.offset.call(source) as number, get.size.call(source) as number);
  } catch {
    return undefined;
  }
}

/**
 * Copies a BufferSource. The buffer is allocated explicitly: V8 keeps the bytes of other small views in its heap, where
 * they cannot be wiped.
 *
 * @param room - how many more bytes the copy's buffer has, after those of the copy
 * @returns `undefined` if it is not a BufferSource; no bytes if its buffer was detached
 */
export function copied(source: unknown, room: (size: number) => number = () => 0): Bytes | undefined {
  const bytes = viewOf(source);
  if (bytes === undefined) return undefined;
  const size = bytes.byteLength;
  const copy = new Uint8Array(new ArrayBuffer(size + room(size)), 0, size);
  copy.set(bytes);
  return copy;
}

/** Returns all bytes of the buffer of a copy that {@link copied} made. */
export function withRoom(copy: Bytes): Bytes {
  return new Uint8Array(copy.buffer);
}

/** Returns a buffer that contains only these bytes: theirs, if that is so. */
export function bufferOf(bytes: Bytes): ArrayBuffer {
  return bytes.length === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer;
}
