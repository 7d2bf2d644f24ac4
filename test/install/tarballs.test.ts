import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "../child.ts";
import { runtimeName } from "../runtime.ts";
import { canServe, command } from "../software.ts";
import { allSwitched, Installed, report, root } from "./installed.ts";

let installed: Installed;
let folder: string;
beforeAll(() => {
  installed = Installed.make();
  ({ folder } = installed);
}, 300_000);
afterAll(() => installed.remove());

describe("the packed package, installed into an empty folder", () => {
  const [file, ...args] = command.slice(0, -1) as [string, ...string[]];
  const version = process.versions[
    runtimeName === "Node.js" ? "node" : runtimeName === "Deno" ? "deno" : "bun"
  ] as string;
  // Older versions of Node.js do not run TypeScript.
  const isTyped = runtimeName !== "Node.js" || Boolean((process.features as { typescript?: unknown }).typescript);

  test.each(["consumer.mjs", ...(isTyped ? ["consumer.ts"] : [])])("works through every export path, in %s", (name) => {
    const { stdout, stderr } = installed.run(file, ...args, name);
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual(report(`${runtimeName} ${version.split(".")[0]}`));
  });

  test("does not change the process when it is imported", () => {
    expect(installed.runPiped(file, ...args, "unchanged.mjs")).toEqual([]);
  });

  const software = { CRYPTODEV_BACKEND: "software" };
  const preload = {
    "Node.js": ["--import", "cryptodev/register-crypto"],
    Deno: ["--preload", "./node_modules/cryptodev/dist/register_crypto.js"],
    Bun: ["--preload", "cryptodev/register-crypto"],
  }[runtimeName];

  test("switches worker threads over to cryptodev/crypto: from files, from text, and of the web platform", () => {
    const { stdout, stderr } = installed.runIn(software, file, ...args, ...preload, "switched.mjs");
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual(allSwitched);
  });

  test.runIf(runtimeName === "Deno")("warns once of worker threads that cannot be switched over in Deno", () => {
    const code = `
      import { Worker } from "node:worker_threads";
      import { openAsync } from "cryptodev";
      // The warning does not apply to the library's own threads.
      await (await openAsync()).close();
      console.error("opened");
      for (let turn = 0; turn < 2; turn += 1) await new Worker("", { eval: true }).terminate();
    `;
    const { stderr } = runProgram(code, { folder, isSwitched: true, env: software });
    expect(stderr).toMatch(
      /^opened\n.*CryptodevWarning: a worker thread of import \{ Worker \} from "node:worker_threads" uses the runtime's own node:crypto/,
    );
    expect(stderr.match(/Warning/g)).toHaveLength(1);
  });

  test.runIf(runtimeName === "Node.js")("warns once of worker threads that preload nothing", () => {
    const code = `
      import { Worker } from "node:worker_threads";
      for (let turn = 0; turn < 2; turn += 1) new Worker(new URL("data:text/javascript,"), { execArgv: [] });
    `;
    const { stderr } = runProgram(code, { folder, isSwitched: true, env: software });
    expect(stderr.match(/CryptodevWarning: a worker thread that preloads nothing/g)).toHaveLength(1);
  });

  test("returns an object from require() that programs may change, as node:crypto does", () => {
    const code = `
      import { createRequire } from "node:module";
      import imported from "node:crypto";
      const crypto = createRequire(import.meta.url)("crypto");
      const real = process.getBuiltinModule("crypto");
      const missing = Object.getOwnPropertyNames(real).filter((name) => !(name in crypto));
      const { createHmac } = crypto;
      crypto.createHmac = () => "assigned";
      const assigned = imported.createHmac();
      crypto.createHmac = createHmac;
      Object.defineProperty(crypto, "randomInt", { value: () => "defined", configurable: true });
      const key = crypto.createHmac("sha1", "key").update("").digest("hex");
      console.log(JSON.stringify([missing, assigned, imported.randomInt(), crypto.pseudoRandomBytes(3).length, key]));
    `;
    const env = { ...software, CRYPTODEV_FALLBACK: "1", NODE_NO_WARNINGS: "1" };
    const { stdout } = runProgram(code, { folder, isSwitched: true, env });
    expect(JSON.parse(stdout)).toEqual([[], "assigned", "defined", 3, "f42bb0eeb018ebbd4597ae7213711ec60760843f"]);
  });

  // Simulates macOS and Windows by the name of the system, which is all that the packages may ask for there.
  test.each(["darwin", runtimeName === "Deno" ? "windows" : "win32"])("works without libc on %s", (system) => {
    writeFileSync(
      join(folder, "pretend.mjs"),
      `
      import process from "node:process";
      const { Deno } = globalThis;
      if (Deno !== undefined) Object.defineProperty(Deno, "build", { value: { ...Deno.build, os: "${system}" } });
      Object.defineProperty(process, "platform", { value: "${system.replace("windows", "win32")}" });
    `,
    );
    const preload = runtimeName === "Node.js" ? "--import" : "--preload";
    const { stdout, stderr } = installed.run(file, ...args, preload, "./pretend.mjs", "consumer.mjs");
    expect(stderr).toBe("");
    const expected = report(`${runtimeName} ${version.split(".")[0]}`);
    expect(JSON.parse(stdout)).toEqual({
      ...expected,
      libcs: new Array(3).fill("UnsupportedError"),
      server: "UnsupportedError",
    });
    const main = join(folder, "node_modules/.bin/cryptodev");
    const info = installed.run(
      file,
      ...args,
      preload,
      "./pretend.mjs",
      main,
      "info",
      "--backend",
      "software",
      "--json",
    );
    expect(JSON.parse(info.stdout)).toMatchObject({ device: { backend: "software" }, module: null });
    const refused = installed.run(file, ...args, preload, "./pretend.mjs", main, "serve");
    expect([refused.stdout, refused.status]).toEqual(["", 1]);
    expect(refused.stderr).toContain(`${system}`);
  });

  const readme = readFileSync(join(root, "README.md"), "utf8");
  const examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code as string);

  test.each(examples)("runs example %# of the README unchanged", (code) => {
    const { status, stdout, stderr } = runProgram(code, { folder });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    if (code === examples[0]) expect(stdout).toMatch(/^(kernel|software) [\s\S]*a message\n$/);
  });

  test("switches a program over to cryptodev/crypto by the command of the README", () => {
    const code = `
      import { createHash } from "node:crypto";
      import ours from "cryptodev/crypto";
      console.log(createHash === ours.createHash, createHash("sha1").update("abc").digest("hex"));
    `;
    const { stdout, stderr } = runProgram(code, {
      folder,
      isSwitched: true,
      env: { CRYPTODEV_BACKEND: "software" },
    });
    expect(stderr).toBe("");
    expect(stdout).toBe("true a9993e364706816aba3e25717850c26c9cd0d89d\n");
  });

  test("finds libc through the installed host", () => {
    const { stdout } = runProgram(
      'import { open } from "cryptodev"; try { open({ path: "/dev/no-crypto" }) } catch (error) { console.log(error.code) }',
      { folder },
    );
    expect(stdout).toBe("ENOENT\n");
  });

  test.runIf(canServe)("serves a device to the program that cryptodev serve starts", () => {
    const program = join(folder, "served.mjs");
    writeFileSync(
      program,
      'import { open } from "cryptodev"; const device = open(); console.log(device.path); device.close();',
    );
    const runtime = [file, ...args];
    const { stdout, stderr } = spawnSync(
      file,
      [...args, join(folder, "node_modules/.bin/cryptodev"), "serve", "--", ...runtime, program],
      { encoding: "utf8" },
    );
    expect({ stdout, stderr }).toEqual({ stdout: "/dev/crypto\n", stderr: "" });
  });

  test("installs the command cryptodev, which runs", () => {
    const main = join(folder, "node_modules/.bin/cryptodev");
    const flags = [...args, main, "dgst", "sha1", "--backend", "software", main];
    const { status, stdout, stderr } = installed.run(file, ...flags);
    expect([stderr, status]).toEqual(["", 0]);
    expect(stdout).toMatch(/^[0-9a-f]{40} {2}\/.*cryptodev\n$/);
  });

  // The last test, because it removes a package.
  test("needs koffi only for the kernel's device", () => {
    rmSync(join(folder, "node_modules/koffi"), { recursive: true });
    const code = 'import { open } from "cryptodev"; open({ backend: "software" }).close(); console.log("closed");';
    const { stdout, stderr } = runProgram(code, { folder });
    expect([stdout, stderr]).toEqual(["closed\n", ""]);
  });
});
