import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** What a loaded module `cryptodev` tells of itself. */
export interface KernelModule {
  /** `undefined` where it was built without one. */
  readonly version: string | undefined;
  /** What stands under `/sys/module/cryptodev/parameters`. */
  readonly parameters: Readonly<Record<string, string>>;
  /** What stands under the sysctl `ioctl`, where the module keeps its own. */
  readonly sysctls: Readonly<Record<string, string>>;
}

const folder = "sys/module/cryptodev";
const parameters = join(folder, "parameters");
const sysctls = "proc/sys/ioctl";

async function readText(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch {
    // It is not there, or nobody's to read, as a parameter may be.
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
 * Reads what is known of the module; `undefined` where it is not loaded.
 *
 * @param root - where `/sys` and `/proc` are
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
 * Has the module say less or more in the kernel's log: nothing, why it refuses, everything.
 *
 * @param root - where `/sys` and `/proc` are
 * @throws `Error` where the module is not loaded, or this user may not
 */
export async function setVerbosity(level: number, root: string = "/"): Promise<void> {
  // The name of today, that of the original module, and the sysctl.
  const places = [`${parameters}/cryptodev_verbosity`, `${parameters}/verbosity`, `${sysctls}/cryptodev_verbosity`];
  for (const place of places) {
    try {
      await writeFile(join(root, place), `${level}\n`, { flag: "r+" });
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") continue;
      throw new Error(`/${place} cannot be written: ${code === "EACCES" ? "it takes root" : code}`, { cause: error });
    }
  }
  throw new Error("the module cryptodev is not loaded: `modprobe cryptodev` loads it");
}
