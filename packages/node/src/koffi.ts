import nodeModule from "node:module";
import { UnsupportedError } from "@cryptodev/core";
import type { Dialect } from "@cryptodev/core/host";
import type koffi from "koffi";

/**
 * Returns how libc is called through koffi.
 *
 * @throws {UnsupportedError} if koffi is missing for this platform, or loading it is not allowed
 */
export function koffiDialect({ machine, warn }: Pick<Dialect, "machine" | "warn">): Dialect {
  const ffi = loadKoffi();
  try {
    const libc = ffi.load(null);
    const declare: Dialect["declare"] = (name, parameters, result) => libc.func(name, result, [...parameters]);
    const ioctl = declare("ioctl", ["int", "int", "uintptr_t"], "int") as Dialect["ioctl"];
    return {
      machine,
      nullPointer: 0,
      // Integers only, and at most six: pointer types, variadic functions and BigInts take koffi off its fast path.
      types: {
        int: "int",
        ulong: "unsigned long",
        size_t: "size_t",
        ssize_t: "long",
        pointer: "uintptr_t",
        string: "str",
      },
      declare,
      encode: {},
      decode: Number,
      errno: ffi.errno,
      // A request above 2 ** 31 is faster as the negative number with the same bits.
      ioctl: (fd, request, argument) => ioctl(fd, request | 0, argument),
      addressOf: (bytes) => Number(ffi.address(bytes)),
      warn,
    };
  } catch (cause) {
    throw new UnsupportedError("ffi", "koffi finds no libc in this process", { cause });
  }
}

function loadKoffi(): typeof koffi {
  const { requireFrom, path, cause: missing } = findKoffi();
  if (requireFrom === undefined) {
    const remedy =
      "install it where the program finds it: npm install koffi. A bundle does not contain it: keep it external, and install it beside the bundle";
    throw new UnsupportedError("ffi", "koffi, which reaches libc from Node.js, was not found", {
      cause: missing,
      remedy,
    });
  }
  try {
    return requireFrom(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_DLOPEN_DISABLED") {
      // With this permission, newer versions of Node.js do not need koffi.
      const flag = process.allowedNodeEnvironmentFlags.has("--allow-ffi") ? "--allow-ffi" : "--allow-addons";
      throw new UnsupportedError("ffi", "Node.js is not permitted to load koffi, which reaches libc", {
        cause,
        remedy: `run it with ${flag}`,
      });
    }
    throw new UnsupportedError(
      "ffi",
      `koffi, which reaches libc from Node.js, cannot be loaded on ${process.platform} ${process.arch} (was it installed with its optional dependencies?)`,
      { cause },
    );
  }
}

interface Found {
  readonly requireFrom?: NodeJS.Require;
  readonly path: string;
  readonly cause?: unknown;
}

/** Looks from here, and from the program: a bundle in CommonJS format does not know its own URL. */
function findKoffi(): Found {
  let cause: unknown;
  for (const place of [import.meta.url, process.argv[1]]) {
    try {
      // As a property, which webpack does not look into: what it can bundle of koffi does not find the rest.
      const requireFrom = nodeModule.createRequire(place as string);
      return { requireFrom, path: requireFrom.resolve("koffi") };
    } catch (error) {
      cause ??= error;
    }
  }
  return { path: "koffi", cause };
}
