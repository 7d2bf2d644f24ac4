import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** What a loaded module `cryptodev` reports about itself. */
export interface KernelModule {
  /** `undefined` if it was built without one. */
  readonly version: string | undefined;
  /** The files in `/sys/module/cryptodev/parameters`. */
  readonly parameters: Readonly<Record<string, string>>;
  /** The module's entries under the sysctl `ioctl`. */
  readonly sysctls: Readonly<Record<string, string>>;
}

const folder = "sys/module/cryptodev";
const parameters = join(folder, "parameters");
const sysctls = "proc/sys/ioctl";

async function readText(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch {
    // It does not exist, or this user cannot read it, as may be the case for a parameter.
    return undefined;
  }
}

async function namesIn(path: string): Promise<readonly string[] | undefined> {
  try {
    return (await readdir(path)).sort();
  } catch {
    return undefined;
  }
}

async function valuesIn(path: string): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const name of (await namesIn(path)) ?? []) {
    const value = await readText(join(path, name));
    if (value !== undefined) values[name] = value;
  }
  return values;
}

/**
 * Reads what is known about the module.
 *
 * @param root - the folder that contains `/sys` and `/proc`
 * @returns `undefined` if the module is not loaded
 */
export async function readModule(root: string = "/"): Promise<KernelModule | undefined> {
  const own = Object.entries(await valuesIn(join(root, sysctls))).filter(([name]) => name.startsWith("cryptodev"));
  if ((await namesIn(join(root, folder))) === undefined && own.length === 0) return undefined;
  return {
    version: await readText(join(root, folder, "version")),
    parameters: await valuesIn(join(root, parameters)),
    sysctls: Object.fromEntries(own),
  };
}

/**
 * Sets what the module writes to the kernel's log.
 *
 * @param level - 0 nothing, 1 why calls are refused, 2 every call
 * @param root - the folder that contains `/sys` and `/proc`
 * @throws {Error} if the module is not loaded, or this user is not permitted to set it
 */
export async function setVerbosity(level: number, root: string = "/"): Promise<void> {
  // The current name, that of the original module, and the sysctl.
  const places = [`${parameters}/cryptodev_verbosity`, `${parameters}/verbosity`, `${sysctls}/cryptodev_verbosity`];
  for (const place of places) {
    try {
      await writeFile(join(root, place), `${level}\n`, { flag: "r+" });
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") continue;
      throw new Error(`/${place} cannot be written: ${code === "EACCES" ? "it requires root" : code}`, {
        cause: error,
      });
    }
  }
  throw new Error("the module cryptodev is not loaded: `modprobe cryptodev` loads it");
}
