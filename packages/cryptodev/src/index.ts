export * from "@cryptodev/core";
export type { Backend, Open, OpenOptions } from "./open.ts";
