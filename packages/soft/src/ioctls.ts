import type { Handler } from "./handler.ts";
import { ciocasymfeatHandler } from "./ioctls/CIOCASYMFEAT.ts";
import { ciocasynccryptHandler } from "./ioctls/CIOCASYNCCRYPT.ts";
import { ciocasyncfetchHandler } from "./ioctls/CIOCASYNCFETCH.ts";
import { ciocauthcryptHandler } from "./ioctls/CIOCAUTHCRYPT.ts";
import { cioccphashHandler } from "./ioctls/CIOCCPHASH.ts";
import { cioccryptHandler } from "./ioctls/CIOCCRYPT.ts";
import { ciocfsessionHandler } from "./ioctls/CIOCFSESSION.ts";
import { ciocgsessinfoHandler } from "./ioctls/CIOCGSESSINFO.ts";
import { ciocgsessionHandler } from "./ioctls/CIOCGSESSION.ts";
import { criogetHandler } from "./ioctls/CRIOGET.ts";

/** Ioctls that the driver's compat handler also accepts, whatever struct they use. */
const always: readonly unknown[] = [
  criogetHandler,
  ciocgsessionHandler,
  ciocfsessionHandler,
  ciocgsessinfoHandler,
  cioccryptHandler,
  ciocasymfeatHandler,
];

/** Ioctls that only processes with the kernel's pointer size can use. */
const native: readonly unknown[] = [ciocauthcryptHandler, cioccphashHandler];

/**
 * Ioctls of drivers that were built with ENABLE_ASYNC. The compat handler knows them under numbers other than the
 * header's.
 */
const asynchronous: readonly unknown[] = [ciocasynccryptHandler, ciocasyncfetchHandler];

/**
 * Returns the handlers of a device.
 *
 * @param async - whether the driver was built with ENABLE_ASYNC
 * @param compat - whether it answers a 32-bit process on a 64-bit kernel
 */
export function handlersOf(async: boolean, compat: boolean): readonly Handler[] {
  const more = compat ? [] : [...native, ...(async ? asynchronous : [])];
  return [...always, ...more] as readonly Handler[];
}
