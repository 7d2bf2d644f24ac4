import nodeModule from "node:module";
import { UnsupportedError } from "@cryptodev/core";
import type koffi from "koffi";
import type { Libc } from "./libc.ts";

/**
 * Returns libc through koffi.
 *
 * @throws {UnsupportedError} if koffi is missing for this platform, or loading it is not allowed
 */
export function koffiLibc(): Libc {
  const ffi = loadKoffi();
  try {
    return functions(ffi);
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
      const remedy = "allow it with --allow-addons";
      throw new UnsupportedError("ffi", "Node.js may not load koffi, which reaches libc", { cause, remedy });
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

function functions(ffi: typeof koffi): Libc {
  const libc = ffi.load(null);
  // Integers only, and at most six: pointer types, variadic functions and BigInts take koffi off its fast path.
  const ioctl = libc.func("ioctl", "int", ["int", "int", "uintptr_t"]);
  const vector = ["int", "uintptr_t", "unsigned long", "uintptr_t", "unsigned long", "unsigned long"];
  const readv = libc.func("process_vm_readv", "int64_t", vector);
  const writev = libc.func("process_vm_writev", "int64_t", vector);
  return {
    open: libc.func("open", "int", ["str", "int"]),
    close: libc.func("close", "int", ["int"]),
    // A request above 2 ** 31 is faster as the negative number with the same bits.
    ioctl: (fd, request, address) => ioctl(fd, request | 0, address),
    poll: libc.func("poll", "int", ["uintptr_t", "unsigned long", "int"]),
    read: libc.func("read", "int64_t", ["int", "uintptr_t", "size_t"]),
    write: libc.func("write", "int64_t", ["int", "uintptr_t", "size_t"]),
    mount: libc.func("mount", "int", ["str", "str", "str", "unsigned long", "str"]),
    umount2: libc.func("umount2", "int", ["str", "int"]),
    processVmReadv: (pid, local, remote, remotes) => readv(pid, local, 1, remote, remotes, 0),
    processVmWritev: (pid, local, remote, remotes) => writev(pid, local, 1, remote, remotes, 0),
    errno: ffi.errno,
    addressOf: (bytes) => Number(ffi.address(bytes)),
  };
}
