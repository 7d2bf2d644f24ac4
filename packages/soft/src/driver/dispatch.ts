import { ciocasynccrypt, ciocasyncfetch } from "./async_crypt.ts";
import { ciocauthcrypt } from "./auth_crypt.ts";
import { cioccrypt } from "./crypt.ts";
import { ciocasymfeat, crioget } from "./file_ioctls.ts";
import type { Handler } from "./handler.ts";
import { cioccphash, ciocfsession, ciocgsessinfo, ciocgsession } from "./session_ioctls.ts";

/** Ioctls that the driver's compat handler also accepts, whatever struct they use. */
const always: readonly Handler[] = [crioget, ciocgsession, ciocfsession, ciocgsessinfo, cioccrypt, ciocasymfeat];

/** Ioctls that only processes with the kernel's pointer size can use. */
const native: readonly Handler[] = [ciocauthcrypt, cioccphash];

/**
 * Ioctls of drivers that were built with ENABLE_ASYNC. The compat handler knows them under numbers other than the
 * header's.
 */
const asynchronous: readonly Handler[] = [ciocasynccrypt, ciocasyncfetch];

/** The names of the ioctls that only a driver built with ENABLE_ASYNC answers. */
export const asyncNames: readonly string[] = asynchronous.map(({ ioctl }) => ioctl.name);

/**
 * Returns the handlers of a device.
 *
 * @param async - whether the driver was built with ENABLE_ASYNC
 * @param compat - whether it answers a 32-bit process on a 64-bit kernel
 */
export function handlersOf(async: boolean, compat: boolean): readonly Handler[] {
  if (compat) return always;
  return async ? [...always, ...native, ...asynchronous] : [...always, ...native];
}
