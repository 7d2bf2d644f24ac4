/** What works on data in chunks: {@link CipherChunks}, and whatever has the same two methods. */
export interface Chunks {
  /** Takes the next chunk. @returns what can be told by now */
  update(data: Uint8Array): Uint8Array;
  /** Ends the data. @returns the rest of the result */
  final(): Uint8Array;
}

/** What hashes data in chunks: {@link Hash}, and whatever has the same two methods. */
export interface Digest {
  /** Takes the next piece of the message. */
  update(data: Uint8Array): unknown;
  /** Ends the message. @returns its digest */
  digest(): Uint8Array;
}

/**
 * The web platform's TransformStream, as the program's own types declare it. Those of this package do not bring it, so
 * that they need neither the DOM's nor any runtime's.
 *
 * @useDeclaredType
 */
export type ByteTransform = typeof globalThis extends { TransformStream: { new (): infer Stream } }
  ? Stream
  : { readonly readable: unknown; readonly writable: unknown };

/** What a TransformStream is made of, and tells what it makes. */
interface Transformer {
  transform(chunk: Uint8Array, controller: { enqueue(chunk: Uint8Array): void }): void;
  flush(controller: { enqueue(chunk: Uint8Array): void }): void;
}

function transformStream(transformer: Transformer): ByteTransform {
  const { TransformStream } = globalThis as unknown as {
    TransformStream: new (transformer: Transformer) => ByteTransform;
  };
  return new TransformStream(transformer);
}

/**
 * Makes a web stream that encrypts or decrypts what flows through it, with back-pressure: it works on a chunk when the
 * one before was taken.
 *
 * @param chunks - what {@link Cipher.encryptor} or {@link Cipher.decryptor} made; its session stays the caller's to close
 * @returns a TransformStream from Uint8Array to Uint8Array. It fails with the error of the chunk that could not be worked on
 * @example
 * ```ts
 * import { cipherStream, open } from "cryptodev";
 *
 * const device = open({ backend: "auto" });
 * const aes = device.cipher("aes-ctr", crypto.getRandomValues(new Uint8Array(16)));
 * const encryptor = aes.encryptor(crypto.getRandomValues(new Uint8Array(16)));
 * const encrypted = new Blob(["any number of bytes"]).stream().pipeThrough(cipherStream(encryptor));
 * console.log((await new Response(encrypted).arrayBuffer()).byteLength); // 19
 * device.close();
 * ```
 */
export function cipherStream(chunks: Chunks): ByteTransform {
  return transformStream({
    transform(chunk, controller) {
      const result = chunks.update(chunk);
      if (result.length > 0) controller.enqueue(result);
    },
    flush(controller) {
      const result = chunks.final();
      if (result.length > 0) controller.enqueue(result);
    },
  });
}

/**
 * Makes a web stream that takes in bytes and, at their end, gives their digest as its only chunk.
 *
 * @param hash - a session that {@link Device.hash} or {@link Device.hmac} started; it stays the caller's to close
 * @returns a TransformStream from Uint8Array to Uint8Array
 * @example
 * ```ts
 * import { hashStream, open } from "cryptodev";
 *
 * const device = open({ backend: "auto" });
 * const digest = new Blob(["abc"]).stream().pipeThrough(hashStream(device.hash("sha1")));
 * console.log((await new Response(digest).arrayBuffer()).byteLength); // 20
 * device.close();
 * ```
 */
export function hashStream(hash: Digest): ByteTransform {
  return transformStream({
    transform: (chunk) => void hash.update(chunk),
    flush: (controller) => controller.enqueue(hash.digest()),
  });
}
