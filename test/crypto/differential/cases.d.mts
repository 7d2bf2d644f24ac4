import type { NodeCrypto } from "cryptodev/crypto";

/** Runs every case. @returns what came of each, by its name */
export function outcomesOf(from: NodeCrypto): Promise<Map<string, string>>;
