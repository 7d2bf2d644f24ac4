import { existsSync } from "node:fs";
import { Device, type Machine, machineOf } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import { isRequired, realHost } from "./runtime.ts";

/** A device that this machine has. */
export interface Backend {
  readonly name: string;
  open(): Device;
}

function software(arch: string): Backend {
  const machine = machineOf(arch) as Machine;
  return { name: `software device, ABI of ${arch}`, open: () => Device.open(new SoftwareHost({ machine })) };
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

/** Every device that this machine has; what is skipped says why, and `REQUIRE_KERNEL` turns that into failures. */
export const backends: readonly Backend[] = [
  // The software device speaks every ABI, so that the layouts which no machine here has are used and not only computed.
  ...["x86_64", "arm", "ppc64", "mips"].map(software),
  ...(await kernel()),
];
