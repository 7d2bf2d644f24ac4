import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../install/installed.ts";

/** Where what was fetched is kept. */
const cache = join(root, "node_modules/.cache/cryptodev");

/** What Debian calls the architecture of this machine. @throws where this is no Debian */
export const ownArchitecture = (): string =>
  execFileSync("dpkg", ["--print-architecture"], { encoding: "utf8" }).trim();

/**
 * Unpacks packages of Debian, of any architecture, into a folder of their own.
 *
 * @returns the folder, which is kept for the next time
 * @throws where this is no Debian, or its packages cannot be had
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
  // apt with a state of its own: this machine need not be told of another architecture, and is not changed.
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
  // Fails as a whole where one of many sources does; whether it was needed is seen by the next step.
  apt("update");
  const { status, stderr, error } = apt("download", ...packages);
  if (status !== 0) {
    throw new Error(`Debian gave no ${packages.join(", ")} for ${architecture}: ${error?.message ?? stderr.trim()}`);
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
