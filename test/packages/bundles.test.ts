import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { text } from "node:stream/consumers";
import { nodeResolve, type RollupNodeResolveOptions } from "@rollup/plugin-node-resolve";
import { build as esbuild } from "esbuild";
import { type OutputOptions, rollup } from "rollup";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import webpack from "webpack";
import { Installed, root } from "../install/installed.ts";

/*
 * Bundles a program and the packed package with each bundler, and runs it where nothing is installed. A bundle that
 * starts itself as its own worker would start threads without end, so runs are limited in threads and time.
 */

/** A run has up to 12 threads; some runtimes start more of their own on a larger machine. */
const MAX_THREADS = 32 + 2 * availableParallelism();
const PATIENCE = 50_000;

const bin = (name: string): string => join(root, "node_modules/.bin", name);

/**
 * Uses the device in every way, and prints each outcome as a line of JSON. In a function, so that it is also CommonJS.
 */
const program = `
  const report = (what, value) => console.log(JSON.stringify({ [what]: value }));
  const caught = (error) => error.name + ": " + error.message;
  const abc = new TextEncoder().encode("abc");
  async function main() {
    report("begun", true);
    const blocking = open({ backend: "software" });
    report("software", blocking.hash("sha1").digest(abc)[0]);
    blocking.close();
    try { open({ backend: "kernel", path: "/nowhere/crypto" }); } catch (error) { report("kernel", caught(error)); }
    try {
      const device = await openAsync({ backend: "software" });
      report("async", (await (await device.hash("sha1")).digest(abc))[0]);
      await device.close();
    } catch (error) { report("async", caught(error)); }
    // /dev/null can be opened and refuses every ioctl, which proves that the thread reaches libc.
    try {
      const device = await openAsync({ backend: "kernel", path: "/dev/null" });
      await device.hash("sha1");
    } catch (error) { report("thread", caught(error)); }
    process.exit();
  }
`;
const programs = {
  "waiting.mjs": `import { open, openAsync } from "cryptodev"; import process from "node:process"; ${program} await main();`,
  "imports.mjs": `import { open, openAsync } from "cryptodev"; import process from "node:process"; ${program} main();`,
  "requires.cjs": `const { open, openAsync } = require("cryptodev"); ${program} main();`,
};
type Program = keyof typeof programs;

interface Ending {
  readonly lines: readonly object[];
  readonly stderr: string;
  readonly threads: number;
}

/** Runs a program, and kills it if it starts too many threads. */
async function runBounded([file, ...args]: readonly string[], cwd: string): Promise<Ending> {
  const { CRYPTODEV_BACKEND: _ours, ...inherited } = process.env;
  const env = { ...inherited, NO_COLOR: "1", BUN_CONFIG_INSTALL: "disable" };
  const child = spawn(file as string, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let threads = 0;
  const watch = setInterval(() => {
    threads = Math.max(threads, threadsOf(child.pid as number));
    if (threads > MAX_THREADS) child.kill("SIGKILL");
  }, 20);
  const late = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  clearInterval(watch);
  clearTimeout(late);
  const lines = stdout.split("\n").filter((line) => line !== "");
  return { lines: lines.map((line) => JSON.parse(line) as object), stderr, threads };
}

function threadsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length;
  } catch {
    return 0;
  }
}

/** Hides the packages meanwhile: some bundles contain the paths of modules, and resolve others from there. */
async function withoutPackages<T>(work: () => Promise<T>): Promise<T> {
  const packages = join(installed.folder, "node_modules");
  renameSync(packages, `${packages}.away`);
  try {
    return await work();
  } finally {
    renameSync(`${packages}.away`, packages);
  }
}

/** Runs a bundler's command. */
async function command(file: string, ...args: readonly string[]): Promise<void> {
  const child = spawn(bin(file), args, { cwd: installed.folder, stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  if (child.exitCode !== 0) throw new Error(`${file} ${args.join(" ")}\n${stdout}\n${stderr}`);
}

type Build = (input: string, folder: string) => Promise<string>;

const byEsbuild =
  (format: "esm" | "cjs", name: string): Build =>
  async (input, folder) => {
    const outfile = join(folder, name);
    await esbuild({ entryPoints: [input], bundle: true, platform: "node", format, outfile, logLevel: "error" });
    return name;
  };

const byRollup =
  (output: OutputOptions, options: RollupNodeResolveOptions = {}): Build =>
  async (input, folder) => {
    const bundle = await rollup({ input, external: [/^node:/], plugins: [nodeResolve(options)], onwarn() {} });
    const { output: files } = await bundle.write(
      output.file === undefined ? { ...output, dir: folder } : { ...output, file: join(folder, output.file) },
    );
    return files[0].fileName;
  };

const byWebpack =
  (type: "module" | "commonjs2"): Build =>
  async (input, folder) => {
    const isModule = type === "module";
    const filename = isModule ? "packed.mjs" : "packed.cjs";
    const compiler = webpack({
      mode: "production",
      target: "node",
      context: installed.folder,
      entry: input,
      output: {
        path: folder,
        filename,
        module: isModule,
        library: { type },
        chunkFormat: isModule ? type : "commonjs",
      },
      experiments: { outputModule: isModule },
    });
    const report = await new Promise<string>((resolve, reject) =>
      compiler.run((error, stats) =>
        error ? reject(error) : resolve(stats?.toString({ all: false, errors: true, warnings: true }) ?? ""),
      ),
    );
    // Also without warnings, which every user would see.
    expect(report).toBe("");
    return filename;
  };

const byVite: Build = async (input, folder) => {
  // Not a static import: its declarations require those of a newer Node.js.
  const { build } = await import("vite");
  await build({
    root: installed.folder,
    logLevel: "error",
    configFile: false,
    build: { ssr: input, outDir: folder, rollupOptions: { output: { entryFileNames: "[name].mjs" } } },
    ssr: { noExternal: true },
  });
  return basename(input);
};

const byBun =
  (name: string, ...flags: readonly string[]): Build =>
  async (input, folder) => {
    await command("bun", "build", input, ...flags, `--outfile=${join(folder, name)}`);
    return name;
  };

const byDeno =
  (name: string, ...flags: readonly string[]): Build =>
  async (input, folder) => {
    await command("deno", "bundle", "--quiet", ...flags, "-o", join(folder, name), input);
    return name;
  };

const inNode = (file: string): string[] => [process.execPath, file];
const inBun = (file: string): string[] => [bin("bun"), file];
const inDeno = (file: string): string[] => [bin("deno"), "run", "-A", file];
const byItself = (file: string): string[] => [`./${file}`];

const bundles: readonly (readonly [string, Program, Build, (file: string) => string[]])[] = [
  ["esbuild, ESM in .mjs", "waiting.mjs", byEsbuild("esm", "packed.mjs"), inNode],
  ["esbuild, ESM in worker.js", "waiting.mjs", byEsbuild("esm", "worker.js"), inNode],
  ["esbuild, CommonJS of imports", "imports.mjs", byEsbuild("cjs", "packed.cjs"), inNode],
  ["esbuild, CommonJS of require", "requires.cjs", byEsbuild("cjs", "packed.cjs"), inNode],
  ["rollup, ESM in several files", "waiting.mjs", byRollup({ entryFileNames: "[name].mjs" }), inNode],
  ["rollup, ESM in one file", "waiting.mjs", byRollup({ file: "packed.mjs", inlineDynamicImports: true }), inNode],
  [
    "rollup, CommonJS",
    "imports.mjs",
    byRollup({ file: "packed.cjs", format: "cjs", inlineDynamicImports: true }, { exportConditions: ["node"] }),
    inNode,
  ],
  ["webpack, ESM", "waiting.mjs", byWebpack("module"), inNode],
  ["webpack, CommonJS of imports", "imports.mjs", byWebpack("commonjs2"), inNode],
  ["webpack, CommonJS of require", "requires.cjs", byWebpack("commonjs2"), inNode],
  ["vite, for servers", "waiting.mjs", byVite, inNode],
  ["bun build, ESM for Node.js", "waiting.mjs", byBun("packed.mjs", "--target=node"), inNode],
  ["bun build, CommonJS for Node.js", "requires.cjs", byBun("packed.cjs", "--target=node", "--format=cjs"), inNode],
  ["bun build, ESM for Bun", "waiting.mjs", byBun("packed.mjs", "--target=bun"), inBun],
  ["bun build --compile", "waiting.mjs", byBun("packed", "--compile"), byItself],
  ["bun build --compile --bytecode", "imports.mjs", byBun("packed", "--compile", "--minify", "--bytecode"), byItself],
  ["deno bundle, ESM", "waiting.mjs", byDeno("packed.mjs"), inDeno],
  ["deno bundle, CommonJS", "imports.mjs", byDeno("packed.cjs", "--format=cjs"), inDeno],
];

let installed: Installed;
let away: string;
beforeAll(() => {
  installed = Installed.make();
  away = mkdtempSync(join(tmpdir(), "cryptodev-bundles-"));
  for (const [name, code] of Object.entries(programs)) writeFileSync(join(installed.folder, name), code);
}, 300_000);
afterAll(() => {
  installed.remove();
  rmSync(away, { recursive: true, force: true });
});

const noDevice = expect.stringMatching(/^CryptodevError: open \/nowhere\/crypto: ENOENT/);
const noDriver = expect.stringMatching(/^CryptodevError: CIOCGSESSION \/dev\/null: ENOTTY/);
const noKoffi = expect.stringMatching(/^UnsupportedError: koffi, .* was not found; .* keep it external/);
/** Node.js 26 and newer have their own FFI. */
const isOwnFfi = process.getBuiltinModule?.("node:ffi" as string) !== undefined;

describe("a bundle of cryptodev", () => {
  test.each(bundles)("works without its sources: %s", async (name, source, build, commandOf) => {
    const near = mkdtempSync(join(installed.folder, "bundle-"));
    const file = await build(join(installed.folder, source), near);
    const far = mkdtempSync(join(away, "bundle-"));
    cpSync(near, far, { recursive: true });

    const answers = (kernel: unknown, thread: unknown): object[] => [
      { begun: true },
      { software: 169 },
      { kernel },
      { async: 169 },
      { thread },
    ];
    const isKoffi = commandOf === inNode && !isOwnFfi;
    const alone = await withoutPackages(() => runBounded(commandOf(file), far));
    expect(alone.lines, `${name}\n${alone.stderr}`).toEqual(
      isKoffi ? answers(noKoffi, noKoffi) : answers(noDevice, noDriver),
    );
    expect(alone.threads).toBeLessThan(MAX_THREADS);
    // If koffi is found, so is libc.
    if (isKoffi) expect((await runBounded(commandOf(file), near)).lines).toEqual(answers(noDevice, noDriver));
  });

  test("reports in Node.js that it was built for a browser", async () => {
    const folder = mkdtempSync(join(away, "bundle-"));
    const build = byRollup({ file: "packed.mjs", inlineDynamicImports: true }, { browser: true });
    const file = await build(join(installed.folder, "waiting.mjs"), folder);
    const { lines } = await runBounded(inNode(file), folder);
    const condition = expect.stringMatching(/^UnsupportedError: .* export condition "browser"/);
    expect(lines).toEqual([
      { begun: true },
      { software: 169 },
      { kernel: condition },
      { async: condition },
      { thread: condition },
    ]);
  });
});
