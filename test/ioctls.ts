import type { Ioctl, Struct } from "@cryptodev/core/abi";
import * as abi from "@cryptodev/core/abi";

const isIoctl = (value: unknown) => typeof value === "object" && value !== null && "direction" in value;

/** Every ioctl that the abi declares, by its name. Sorted, as the runtimes sort exports, and vitest does not. */
export const ioctls = Object.fromEntries(
  Object.entries(abi)
    .filter(([, value]) => isIoctl(value))
    .sort(([one], [other]) => (one < other ? -1 : 1)),
) as unknown as Readonly<Record<string, Ioctl<Struct>>>;
