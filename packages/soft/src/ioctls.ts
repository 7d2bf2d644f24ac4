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

/** Those that the driver's compat handler knows too, whatever struct each of them takes. */
const always: readonly unknown[] = [
  criogetHandler,
  ciocgsessionHandler,
  ciocfsessionHandler,
  ciocgsessinfoHandler,
  cioccryptHandler,
  ciocasymfeatHandler,
];

/** Only for processes with the kernel's own size of pointers. */
const native: readonly unknown[] = [ciocauthcryptHandler, cioccphashHandler];

/** Only in drivers that were built with ENABLE_ASYNC. The compat handler knows them under other numbers than the header's. */
const asynchronous: readonly unknown[] = [ciocasynccryptHandler, ciocasyncfetchHandler];

/**
 * What answers each ioctl.
 *
 * @param async - whether the driver was built with ENABLE_ASYNC
 * @param compat - whether it answers a 32-bit process on a 64-bit kernel
 */
export function handlersOf(async: boolean, compat: boolean): readonly Handler[] {
  const more = compat ? [] : [...native, ...(async ? asynchronous : [])];
  return [...always, ...more] as readonly Handler[];
}
