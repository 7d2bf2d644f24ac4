import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";

/** How to get the kernel's device on a machine. */
export interface ModuleSource {
  /** A sentence for a person, that ends with a colon if steps follow. */
  readonly text: string;
  /** Shell commands, or lines of a configuration. */
  readonly steps: readonly string[];
}

/** The fields of `os-release` (see os-release(5)) that say which distribution this is. */
interface Distribution {
  readonly name: string;
  /** Its own id, and then those of the distributions that it is derived from. */
  readonly ids: readonly string[];
}

function readDistribution(root: string): Distribution {
  const path = ["etc/os-release", "usr/lib/os-release"].map((file) => join(root, file)).find(existsSync);
  const text = path === undefined ? "" : readFileSync(path, "utf8");
  const fieldOf = (field: string): string | undefined =>
    new RegExp(`^${field}=(["']?)(.*)\\1$`, "m").exec(text)?.[2] || undefined;
  const ids = `${fieldOf("ID") ?? ""} ${fieldOf("ID_LIKE") ?? ""}`;
  return { name: fieldOf("NAME") ?? "this distribution", ids: ids.split(" ").filter(Boolean) };
}

/** What configures the images of distributions that package the module, by their ids. */
const settings: Readonly<Record<string, readonly string[]>> = {
  buildroot: ["BR2_PACKAGE_CRYPTODEV_LINUX=y"],
  nixos: [
    "boot.extraModulePackages = [ config.boot.kernelPackages.cryptodev ];",
    'boot.kernelModules = [ "cryptodev" ];',
  ],
  ...Object.fromEntries(
    ["poky", "nodistro", "arago"].map((id) => [id, ['IMAGE_INSTALL:append = " cryptodev-module"']]),
  ),
};

/** The commands that install what a build of the module needs, by the ids of distributions. */
const tools: Readonly<Record<string, string>> = {
  debian: "sudo apt install git make gcc linux-headers-$(uname -r)",
  ubuntu: "sudo apt install git make gcc linux-headers-$(uname -r)",
  fedora: "sudo dnf install git make gcc kernel-devel-$(uname -r)",
  rhel: "sudo dnf install git make gcc kernel-devel-$(uname -r)",
  suse: "sudo zypper install git make gcc kernel-default-devel",
  arch: "sudo pacman -S --needed git make gcc linux-headers",
};

const load = "sudo modprobe cryptodev";

/** Finds the value for the first id that has one. */
function firstOf<Value>(values: Readonly<Record<string, Value>>, ids: readonly string[]): Value | undefined {
  const id = ids.find((each) => Object.hasOwn(values, each));
  return id === undefined ? undefined : values[id];
}

/** Whether the module is installed for the running kernel, loaded or not. */
function isInstalled(root: string): boolean {
  const list = join(root, "lib/modules", release(), "modules.dep");
  return existsSync(list) && /(^|\/)cryptodev\.ko/m.test(readFileSync(list, "utf8"));
}

/**
 * Says how to get the kernel's device on this machine: by loading the module, from a package, or by building it.
 *
 * @param root - the folder that contains `/etc`, `/lib` and `/run`
 */
export function moduleSource(root: string = "/"): ModuleSource {
  const has = (file: string): boolean => existsSync(join(root, file));
  if (isInstalled(root)) return { text: "The kernel module is installed, but not loaded. Load it:", steps: [load] };
  if (has(".dockerenv") || has("run/.containerenv")) {
    const text =
      "This is a container: load the kernel module cryptodev on its host, and start the container with --device /dev/crypto.";
    return { text, steps: [] };
  }
  const { name, ids } = readDistribution(root);
  if (ids.includes("openwrt")) {
    const install = has("usr/bin/apk") ? "apk update && apk add" : "opkg update && opkg install";
    return { text: `${name} packages the kernel module:`, steps: [`${install} kmod-cryptodev`] };
  }
  const lines = firstOf(settings, ids);
  if (lines !== undefined) {
    return { text: `${name} packages the kernel module. Add to its configuration, and build it again:`, steps: lines };
  }
  const install = firstOf(tools, ids);
  const needs = install === undefined ? ", with git, make, gcc and the headers of the running kernel" : "";
  return {
    text: `The kernel module is not part of Linux, and not a package of ${name}. Build it${needs}:`,
    steps: [
      ...(install === undefined ? [] : [install]),
      "git clone https://github.com/cryptodev-linux/cryptodev-linux",
      "sudo make -C cryptodev-linux install",
      load,
    ],
  };
}
