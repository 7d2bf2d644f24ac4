import type { Ioctl } from "../ioctl.ts";
import { u32 } from "../structs/u32.ts";

/**
 * Clones the descriptor. The clone shares the sessions and is not close-on-exec; no free descriptor shows as a negative
 * `value`, with 0 returned.
 */
export const CRIOGET: Ioctl<typeof u32> = { name: "CRIOGET", direction: "IOWR", type: "c", number: 101, argument: u32 };
