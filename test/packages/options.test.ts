import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Installed, report, root } from "../install/installed.ts";

/* npm's options that omit parts of an installation. */

let installed: Installed;
const install = (...flags: string[]) => {
  beforeAll(() => {
    installed = Installed.make(...flags);
  }, 300_000);
  afterAll(() => installed.remove());
};

const readJson = (path: string) => JSON.parse(readFileSync(path, "utf8"));

describe("npm install --ignore-scripts", () => {
  install();

  test("is sufficient, because only koffi has an install script, which builds what is also installed prebuilt", () => {
    const { packages } = readJson(join(installed.folder, "package-lock.json"));
    const scripted = Object.keys(packages).filter((path) => packages[path].hasInstallScript);
    expect(scripted).toEqual(["node_modules/koffi"]);
    expect(installed.run(process.execPath, "consumer.mjs").stderr).toBe("");
  });
});

describe("npm install --omit=optional", () => {
  install("--omit=optional");

  test("omits only the native part of koffi", () => {
    const { packages } = readJson(join(installed.folder, "package-lock.json"));
    const there = readdirSync(join(installed.folder, "node_modules"), { recursive: true, encoding: "utf8" });
    const left = Object.keys(packages).filter(
      (path) => path.startsWith("node_modules/") && !there.includes(path.slice(13)),
    );
    expect(left.length).toBeGreaterThan(0);
    expect(left.filter((path) => !/^node_modules\/@koromix\/koffi-/.test(path))).toEqual([]);
  });

  test("is sufficient for the software device, and the kernel's device reports what is missing", () => {
    const code = `
      import { open } from "cryptodev";
      console.log(open({ backend: "auto" }).backend);
      try { open(); } catch (error) { console.log(String(error)); }
      process.exit();
    `;
    const { stdout } = installed.run(process.execPath, "--input-type=module", "-e", code);
    const [backend, error] = stdout.split("\n");
    // Newer versions of Node.js do not need koffi.
    if (builtinModules.includes("node:ffi")) return;
    expect(backend).toBe("software");
    expect(error).toMatch(
      new RegExp(
        `^UnsupportedError: koffi, which reaches libc from Node\\.js, cannot be loaded on ${process.platform} ${process.arch} ` +
          "\\(was it installed with its optional dependencies\\?\\); .*software device",
      ),
    );
  });

  test.each([
    ["Deno 2", "deno", "run", "-A"],
    ["Bun 1", "bun"],
  ])("is sufficient for %s, which has its own FFI", (name, file, ...flags) => {
    const { stdout } = installed.run(join(root, "node_modules/.bin", file), ...flags, "consumer.mjs");
    expect(JSON.parse(stdout)).toMatchObject({ ...report(name), libcs: { 0: "UnsupportedError" } });
  });

  test("is sufficient for the command cryptodev", () => {
    const { stdout, status } = installed.run(
      process.execPath,
      "node_modules/.bin/cryptodev",
      "info",
      "--backend",
      "software",
    );
    expect(stdout).toContain("aes");
    expect(status).toBe(0);
  });
});
