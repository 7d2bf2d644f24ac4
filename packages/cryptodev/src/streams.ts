/**
 * An object that processes data in chunks: {@link CipherChunks}, {@link AsyncCipherChunks}, or any object with the same
 * two methods.
 */
export interface Chunks {
  /**
   * Processes the next chunk.
   *
   * @returns the part of the result that is known so far
   */
  update(data: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /**
   * Ends the data.
   *
   * @returns the rest of the result
   */
  final(): Uint8Array | Promise<Uint8Array>;
}

/**
 * An object that hashes data in chunks: {@link Hash}, {@link AsyncHash}, or any object with the same two methods. If
 * `update` returns a promise, the next chunk waits for it.
 */
export interface Digest {
  /** Hashes the next chunk of the message. */
  update(data: Uint8Array): unknown;
  /**
   * Ends the message.
   *
   * @returns its digest
   */
  digest(): Uint8Array | Promise<Uint8Array>;
}

/**
 * The web platform's TransformStream, as the program's own types declare it. This package does not declare it, so that
 * its types depend neither on the DOM's nor on a runtime's. The prototype's type has `any` for the chunks, so that
 * `new Response()` and `pipeThrough()` accept the stream without a cast.
 *
 * @useDeclaredType
 */
export type ByteTransform = typeof globalThis extends { TransformStream: { readonly prototype: infer Stream } }
  ? Stream
  : { readonly readable: unknown; readonly writable: unknown };

/** The argument of TransformStream's constructor. */
interface Transformer {
  transform(chunk: Uint8Array, controller: { enqueue(chunk: Uint8Array): void }): Promise<void>;
  flush(controller: { enqueue(chunk: Uint8Array): void }): Promise<void>;
  cancel?(): Promise<void>;
}

function transformStream(transformer: Transformer): ByteTransform {
  const { TransformStream } = globalThis as unknown as {
    TransformStream: new (transformer: Transformer) => ByteTransform;
  };
  return new TransformStream(transformer);
}

/**
 * Creates a web stream that encrypts or decrypts the data that is written to it. It applies back-pressure: it processes
 * a chunk only after the result of the previous one was read.
 *
 * @param chunks - the result of {@link Cipher.encryptor} or {@link Cipher.decryptor}, or of {@link AsyncCipher.encryptor} or
 * {@link AsyncCipher.decryptor}, which do not block. The caller closes its session
 * @returns a TransformStream from Uint8Array to Uint8Array. If a chunk cannot be processed, the stream fails with that
 * error
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
 * @example Without blocking
 * ```ts
 * import { cipherStream, openAsync } from "cryptodev";
 *
 * const device = await openAsync({ backend: "auto" });
 * const aes = await device.cipher("aes-cbc", crypto.getRandomValues(new Uint8Array(16)));
 * const encryptor = await aes.encryptor(crypto.getRandomValues(new Uint8Array(16)), { padding: true });
 * const encrypted = new Blob(["any number of bytes"]).stream().pipeThrough(cipherStream(encryptor));
 * console.log((await new Response(encrypted).arrayBuffer()).byteLength); // 32
 * await device.close();
 * ```
 */
export function cipherStream(chunks: Chunks): ByteTransform {
  return transformStream({
    async transform(chunk, controller) {
      const result = await chunks.update(chunk);
      if (result.length > 0) controller.enqueue(result);
    },
    async flush(controller) {
      const result = await chunks.final();
      if (result.length > 0) controller.enqueue(result);
    },
  });
}

/**
 * Creates a web stream that hashes the bytes that are written to it. Its only chunk, at the end, is their digest.
 *
 * @param hash - a session that {@link Device.hash} or {@link Device.hmac} started, or those of {@link AsyncDevice}, which do
 * not block. The caller closes it
 * @returns a TransformStream from Uint8Array to Uint8Array. If it fails or is cancelled, the message of the session ends, so
 * that the next one does not continue it
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
  const abandon = async (): Promise<void> => {
    try {
      await hash.digest();
    } catch {
      // The session has ended, and its message with it.
    }
  };
  return transformStream({
    async transform(chunk) {
      try {
        await hash.update(chunk);
      } catch (error) {
        await abandon();
        throw error;
      }
    },
    async flush(controller) {
      controller.enqueue(await hash.digest());
    },
    cancel: abandon,
  });
}
