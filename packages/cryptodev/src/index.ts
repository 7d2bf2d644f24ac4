export * from "@cryptodev/core";
export type { AsyncDevice, AsyncOpenOptions } from "./async/device.ts";
export type { AbortSignalLike } from "./async/executor.ts";
export { openAsync } from "./async/open_async.ts";
export type { AsyncAead, AsyncCipher, AsyncHash, AsyncOptions, AsyncSession } from "./async/sessions.ts";
export type { Backend, Open, OpenOptions } from "./open.ts";
export { type ByteTransform, type Chunks, cipherStream, type Digest, hashStream } from "./streams.ts";
