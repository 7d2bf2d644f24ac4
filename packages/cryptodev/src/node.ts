/**
 * Asks the Linux kernel for cryptography: `/dev/crypto` in Node.js.
 *
 * @module
 */
import { appendFileSync } from "node:fs";
import process from "node:process";
import { nodeHost } from "@cryptodev/node";
import { type Open, openIn } from "./open.ts";

export * from "./index.ts";

/** The runtime's name and version, such as `Node.js 24.1.0`. */
export const runtime: string = `Node.js ${process.versions.node}`;

/** Opens the device: see {@link Open}. */
export const open: Open = openIn({ host: nodeHost, append: appendFileSync });
