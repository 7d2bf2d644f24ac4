export * from "@cryptodev/core";
export {
  type AsyncAead,
  type AsyncCipher,
  type AsyncDevice,
  type AsyncHash,
  type AsyncOpenOptions,
  type AsyncOptions,
  type AsyncSession,
  openAsync,
} from "./async/device.ts";
export type { AbortSignalLike } from "./async/executor.ts";
export type { Backend, Open, OpenOptions } from "./open.ts";
export { type ByteTransform, type Chunks, cipherStream, type Digest, hashStream } from "./streams.ts";
