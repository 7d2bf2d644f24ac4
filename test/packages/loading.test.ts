import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Installed, root } from "../install/installed.ts";

/* What the packed package loads, and what its source maps say. */

let installed: Installed;
beforeAll(() => {
  installed = Installed.make();
}, 300_000);
afterAll(() => installed.remove());

/** Runs Node.js. Returns the paths of the files that it loaded, below node_modules. */
function loadedBy(...args: readonly string[]): readonly string[] {
  // The coverage lists each script and module, however it was loaded.
  const folder = mkdtempSync(join(installed.folder, "coverage-"));
  const { status, stderr } = installed.runIn({ NODE_V8_COVERAGE: folder }, process.execPath, ...args);
  expect([stderr, status]).toEqual(["", 0]);
  const reports = readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")));
  rmSync(folder, { recursive: true });
  return reports.flatMap(({ result }: { readonly result: readonly { readonly url: string }[] }) =>
    result.flatMap(({ url }) => (url.includes("/node_modules/") ? [url.replace(/^.*?\/node_modules\//, "")] : [])),
  );
}

const loadedByCode = (code: string): readonly string[] => loadedBy("--input-type=module", "-e", code);

const soft = "cryptodev/dist/parts/soft.js";
const isOfKoffi = (path: string): boolean => path.startsWith("koffi/");

describe("import in Node.js", () => {
  test.each(["cryptodev", "cryptodev/crypto", "cryptodev/webcrypto"])(
    "of %s loads at most six files, and neither the software device nor koffi",
    (name) => {
      const files = loadedByCode(`await import("${name}")`);
      expect(files).toContain("cryptodev/dist/parts/core.js");
      expect(files.length).toBeLessThanOrEqual(6);
      expect(files).not.toContain(soft);
      expect(files.filter(isOfKoffi)).toEqual([]);
    },
  );

  test("of cryptodev/register-webcrypto does not load the replacement of node:crypto", () => {
    const replacement = "cryptodev/dist/parts/node_crypto.js";
    expect(loadedByCode('await import("cryptodev/register-crypto")')).toContain(replacement);
    const files = loadedByCode('await import("cryptodev/register-webcrypto")');
    expect(files).toContain("cryptodev/dist/parts/webcrypto.js");
    expect(files).not.toContain(replacement);
  });

  test("of cryptodev loads the software device and koffi when they are used", () => {
    const opened = (options: string) =>
      loadedByCode(`import { open } from "cryptodev"; try { open(${options}).close(); } catch {}`);
    expect(opened('{ backend: "software" }')).toContain(soft);
    const files = opened('{ path: "/nowhere/crypto" }');
    expect(files).not.toContain(soft);
    // Node.js 26 and newer have their own FFI.
    expect(files.some(isOfKoffi)).toBe(!builtinModules.includes("node:ffi"));
  });
});

describe("the command cryptodev", () => {
  const main = "node_modules/.bin/cryptodev";

  test("loads only itself for --version", () => {
    const files = loadedBy(main, "--version");
    expect(files).toContain("cryptodev/dist/command.js");
    expect(files.length).toBeLessThanOrEqual(6);
    expect(files).not.toContain("cryptodev/dist/parts/core.js");
  });

  test("loads only the subcommand that is used", () => {
    const files = loadedBy(main, "info", "--backend", "software");
    expect(files).toContain("cryptodev/dist/parts/info.js");
    for (const other of ["enc", "dgst", "speed", "trace", "serve"]) {
      expect(files).not.toContain(`cryptodev/dist/parts/${other}.js`);
    }
    expect(files).not.toContain("cryptodev/dist/serve/server.js");
  });
});

test("a stack trace names the sources of this repository with --enable-source-maps", () => {
  const code = 'import { open } from "cryptodev"; open({ backend: "none" });';
  const { stderr } = installed.run(process.execPath, "--enable-source-maps", "--input-type=module", "-e", code);
  const [, path = "", line = ""] = /cryptodev\/(packages\/cryptodev\/src\/open\.ts):(\d+)/.exec(stderr) ?? [];
  expect(path, stderr).not.toBe("");
  const source = readFileSync(join(root, path), "utf8").split("\n")[Number(line) - 1];
  expect(source).toContain("new RangeError(message)");
  expect(stderr).not.toContain("/dist/parts/main.js");
});

test("errors and sessions are of the same classes from every path of the package", () => {
  const code = `
    import { CryptodevError, Device, open } from "cryptodev";
    import { isMissing } from "cryptodev/host";
    import { SoftwareHost } from "cryptodev/soft";
    import { cryptoOf } from "cryptodev/crypto";
    const device = Device.open(new SoftwareHost({ lacks: ["sha1"] }));
    const caught = [];
    try { device.hash("sha1"); } catch (error) { caught.push(error instanceof CryptodevError, isMissing(error)); }
    const hash = cryptoOf(open({ backend: "software" })).createHash("sha1").update("abc").digest("hex");
    console.log(JSON.stringify([...caught, hash, open({ backend: "software" }) instanceof Device]));
  `;
  const { stdout, stderr } = installed.run(process.execPath, "--input-type=module", "-e", code);
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual([true, true, "a9993e364706816aba3e25717850c26c9cd0d89d", true]);
});
