import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../install/installed.ts";

/** The cache of unpacked packages. */
const cache = join(root, "node_modules/.cache/cryptodev");

/** Debian's name for the architecture of this machine. @throws if this machine does not run Debian */
export const ownArchitecture = (): string =>
  execFileSync("dpkg", ["--print-architecture"], { encoding: "utf8" }).trim();

/**
 * Downloads Debian packages of any architecture, and unpacks them into a folder of their own.
 *
 * @returns the folder, which is reused the next time
 * @throws if this machine does not run Debian, or the packages cannot be downloaded
 */
export function unpack(architecture: string, ...packages: readonly string[]): string {
  const folder = join(cache, ["debian", architecture, ...packages].join("-"));
  const tree = join(folder, "tree");
  const done = join(folder, "done");
  if (existsSync(done)) return tree;
  rmSync(folder, { recursive: true, force: true });
  for (const place of ["lists/partial", "archives/partial", "tree"])
    mkdirSync(join(folder, place), { recursive: true });
  writeFileSync(join(folder, "status"), "");
  // apt has a state of its own, so that this machine does not need to know the other architecture, and does not change.
  const options = {
    "APT::Architecture": architecture,
    "APT::Architectures": architecture,
    "APT::Sandbox::User": "root",
    "Dir::State::lists": join(folder, "lists"),
    "Dir::State::status": join(folder, "status"),
    "Dir::Cache": folder,
  };
  const apt = (...args: readonly string[]) => {
    const flags = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
    return spawnSync("apt-get", ["-qq", ...flags, ...args], { cwd: folder, encoding: "utf8" });
  };
  // This fails even if only one of many sources does. Whether that source was needed shows in the next step.
  apt("update");
  const { status, stderr, error } = apt("download", ...packages);
  if (status !== 0) {
    throw new Error(
      `cannot download ${packages.join(", ")} for ${architecture} from Debian: ${error?.message ?? stderr.trim()}`,
    );
  }
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".deb"))) {
    execFileSync("dpkg-deb", ["-x", join(folder, name), tree]);
  }
  for (const name of readdirSync(folder)) {
    if (name !== "tree") rmSync(join(folder, name), { recursive: true });
  }
  writeFileSync(done, "");
  return tree;
}
