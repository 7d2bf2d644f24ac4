import type { NodeCrypto } from "cryptodev/crypto";

/** Runs every case. Returns the outcomes, by the names of the cases. */
export function outcomesOf(from: NodeCrypto): Promise<Map<string, string>>;
