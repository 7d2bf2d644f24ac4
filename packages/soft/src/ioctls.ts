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

/** Whatever struct each of them takes. */
const usual: readonly unknown[] = [
  criogetHandler,
  ciocgsessionHandler,
  ciocfsessionHandler,
  ciocgsessinfoHandler,
  cioccryptHandler,
  ciocauthcryptHandler,
  ciocasymfeatHandler,
  cioccphashHandler,
];

/** Only in drivers that were built with ENABLE_ASYNC. */
const asynchronous: readonly unknown[] = [ciocasynccryptHandler, ciocasyncfetchHandler];

/** What answers each ioctl that a driver has. @param async - whether it was built with ENABLE_ASYNC */
export function handlersOf(async: boolean): readonly Handler[] {
  return (async ? [...usual, ...asynchronous] : usual) as readonly Handler[];
}
