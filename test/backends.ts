import { Device } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";
import { can, isUsed } from "./needs.ts";
import { realHost } from "./runtime.ts";
import { inProcessAs, type Way, ways } from "./software.ts";

/** A device that this machine has, for the tests that run on every one. */
export interface Backend {
  readonly name: string;
  open(): Device;
  /**
   * Whether it has an algorithm, such as `aes-cbc`, `aes-128-cbc`, `sha1` or `hmac-sha1`: kernels have different ones.
   */
  has(name: string): boolean;
}

function backend(name: string, open: () => Device): Backend {
  const device = open();
  const capabilities = device.capabilities();
  device.close();
  const nameOf = ({ kind, name }: (typeof capabilities)[number]) => (kind === "hmac" ? `hmac-${name}` : name);
  const names = capabilities.filter(({ available }) => available).map(nameOf);
  return { name, open, has: (algorithm) => names.includes(algorithm.replace(/-(128|192|256)-/, "-")) };
}

async function software(way: Way): Promise<Backend> {
  const { host, path } = await way.reach();
  return backend(`software device, ${way.name}`, () => Device.open(host, { path }));
}

/** Has the algorithms of newer kernels: tests of the dropped ones have to ask has() first, not fail. */
function newer(): Backend {
  const host = new SoftwareHost({ lacks: ["aes-cfb", "aes-ofb"] });
  return backend("software device, as on Linux 6.8", () => Device.open(host));
}

async function kernel(): Promise<Backend[]> {
  if (!can("KERNEL")) return [];
  const host = await realHost();
  return [backend("kernel's /dev/crypto", () => Device.open(host))];
}

/** Every device that this machine has. A skipped one prints why, and `REQUIRE_` variables turn that into failures. */
export const backends: readonly Backend[] = [
  ...(await Promise.all(ways.map(software))),
  // The software device speaks every ABI, so that layouts of other machines are used, not only computed.
  ...(isUsed("process") ? await Promise.all(["arm", "ppc64", "mips"].map((arch) => software(inProcessAs(arch)))) : []),
  ...(isUsed("process") ? [newer()] : []),
  ...(await kernel()),
];
