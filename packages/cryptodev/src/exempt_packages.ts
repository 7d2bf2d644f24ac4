import { createRequire } from "node:module";

const { resolve } = createRequire(import.meta.url);

function isInstalled(name: string): boolean {
  try {
    resolve(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * The other packages that compute with node:crypto, and get the runtime's own. The published package contains their
 * modules instead.
 */
export const exemptPackages: readonly string[] = ["@cryptodev/soft", "@cryptodev/cli"].filter(isInstalled);
