export * from "@cryptodev/core";
export type { Backend, Open, OpenOptions } from "./open.ts";
export { type ByteTransform, type Chunks, cipherStream, type Digest, hashStream } from "./streams.ts";
