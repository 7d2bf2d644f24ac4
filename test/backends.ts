import { existsSync } from "node:fs";
import { Device } from "@cryptodev/core";
import { isRequired, realHost } from "./runtime.ts";
import { inProcessAs, type Way, ways } from "./software.ts";

/** A device that this machine has. */
export interface Backend {
  readonly name: string;
  open(): Device;
}

async function software(way: Way): Promise<Backend> {
  const { host, path } = await way.reach();
  return { name: `software device, ${way.name}`, open: () => Device.open(host, path) };
}

async function kernel(): Promise<Backend[]> {
  if (existsSync("/dev/crypto") || isRequired("KERNEL")) {
    const host = await realHost();
    return [{ name: "kernel's /dev/crypto", open: () => Device.open(host) }];
  }
  console.log(
    "skipped: the suite on the kernel's device, as this machine has no /dev/crypto (REQUIRE_KERNEL=1 makes that a failure)",
  );
  return [];
}

/** Every device that this machine has; what is skipped says why, and `REQUIRE_` variables turn that into failures. */
export const backends: readonly Backend[] = [
  ...(await Promise.all(ways.map(software))),
  // The software device speaks every ABI, so that the layouts which no machine here has are used and not only computed.
  ...(await Promise.all(["arm", "ppc64", "mips"].map((arch) => software(inProcessAs(arch))))),
  ...(await kernel()),
];
