import { execFileSync } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/*
 * Programs built for musl need a libstdc++ for musl, which Debian does not package. The static libstdc++ of its
 * compiler is linked into one. This works as long as nobody uses the parts that differ on musl: locales, which nothing
 * here uses.
 */

/** What glibc has and musl does not, but the static libstdc++ needs. */
const lacks = `
#include <sys/random.h>
char __libc_single_threaded = 0;
int _dl_find_object(void *address, void *result) { return -1; }
unsigned arc4random(void) { unsigned number; getrandom(&number, sizeof number, 0); return number; }
`;

/** The symbols of the C++ runtime library that a program or library imports. */
function needs(file: string): readonly string[] {
  const readelf = (flag: string): string[] =>
    execFileSync("readelf", ["-W", flag, file], { encoding: "utf8" }).split("\n");
  const undefinedOnes = readelf("--dyn-syms").map((line) => / UND (\S+)/.exec(line)?.[1]);
  const copied = readelf("-r").map((line) => /_COPY\s+\S+ (\S+)/.exec(line)?.[1]);
  return [...undefinedOnes, ...copied]
    .map((name = "") => name.replace(/@.*/, ""))
    .filter((name) => /^(_Z|_Unwind_|__cxa_|__dynamic_cast$|__gxx_|__once_proxy$)/.test(name))
    .filter((name) => !/^__cxa_(atexit|finalize|thread_atexit_impl)$/.test(name));
}

/**
 * Links a libstdc++ for musl into a folder.
 *
 * @param users - the programs and libraries that need it
 * @throws if there is no compiler
 */
export function linkLibstdcxx(folder: string, users: readonly string[]): void {
  writeFileSync(join(folder, "lacks.c"), lacks);
  const names = new Set(users.flatMap(needs));
  const library = "libstdc++.so.6";
  execFileSync(
    "cc",
    [
      ...["-shared", "-fPIC", "-nodefaultlibs", "-o", library, `-Wl,-soname,${library}`, "lacks.c"],
      ...[...names].map((name) => `-Wl,-u,${name}`),
      ...["-Wl,--start-group", "-l:libstdc++.a", "-l:libgcc_eh.a", "-l:libgcc.a", "-Wl,--end-group"],
    ],
    { cwd: folder },
  );
  symlinkSync(library, join(folder, "libgcc_s.so.1"));
}
