import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allSwitched, Installed, report } from "../install/installed.ts";
import { canServe } from "../software.ts";
import { oldest, versions } from "./nodes.ts";

/* Runs the packed package in every supported version of Node.js. */

let installed: Installed;
beforeAll(() => {
  installed = Installed.make();
}, 300_000);
afterAll(() => installed.remove());

describe.each(versions)("Node.js $version", ({ version, file = "" }) => {
  test.skipIf(file === "")("is the version that its executable prints with --version", () => {
    const { stdout } = installed.run(file, "--version");
    if (version === "latest") expect(Number.parseInt(stdout.slice(1), 10)).toBeGreaterThan(24);
    else expect(stdout).toMatch(new RegExp(`^v${version}\\.`));
  });

  test.skipIf(file === "")("runs JavaScript that uses every export path of the package", () => {
    const { stdout, stderr } = installed.run(file, "consumer.mjs");
    expect(stderr).toBe("");
    const major = installed.run(file, "-p", "parseInt(process.versions.node)").stdout.trim();
    expect(JSON.parse(stdout)).toEqual(report(`Node.js ${major}`));
  });

  // Version 20 does not run TypeScript.
  if (version !== "20") {
    test.skipIf(file === "")("runs TypeScript that imports the package, without a build", () => {
      const { stdout, stderr } = installed.run(file, "consumer.ts");
      expect(stderr.replace(/^\(.*ExperimentalWarning.*\n.*--trace-warnings.*\n/, "")).toBe("");
      expect(JSON.parse(stdout)).toMatchObject({ isSwitched: true });
    });
  }

  test.skipIf(file === "")("says to use import() in place of require() if that cannot load ES modules", () => {
    // As before 20.19 and 22.12. The exports have no file for require(), which would replace this message.
    const { stderr } = installed.run(file, "--no-experimental-require-module", "-e", 'require("cryptodev")');
    expect(stderr).toMatch(/Error \[ERR_REQUIRE_ESM\]: require\(\) of ES Module .* a dynamic import\(\)/s);
  });

  test.skipIf(file === "")("switches import and require to cryptodev/crypto by the flag in the README", () => {
    const code = `
      import { createRequire } from "node:module";
      import { createHash } from "node:crypto";
      import ours from "cryptodev/crypto";
      console.log(createHash === ours.createHash, createRequire(import.meta.url)("crypto").createHash === createHash);
    `;
    const flags = ["--import", "cryptodev/register-crypto", "--input-type=module", "-e", code];
    const { stdout, stderr } = installed.run(file, ...flags);
    expect([stdout, stderr]).toEqual(["true true\n", ""]);
  });

  // Version 20 does not have registerHooks().
  test.skipIf(file === "" || version === "20")("leaves node:crypto to hooks that replace it, such as a mock's", () => {
    const hook = `
      import module from "node:module";
      const url = "data:text/javascript,export const createHash = () => 'mocked'";
      module.registerHooks({
        resolve: (specifier, context, next) =>
          specifier === "node:crypto" && !context.parentURL?.includes("/node_modules/") ? { url, format: "module", shortCircuit: true } : next(specifier, context),
      });
    `;
    const code = 'console.log((await import("node:crypto")).createHash("sha1"))';
    const preload = ["--import", "cryptodev/register-crypto"];
    // Hooks that were registered first are called last.
    const hooks = ["--import", `data:text/javascript,${encodeURIComponent(hook)}`];
    for (const flags of [
      [...preload, ...hooks],
      [...hooks, ...preload],
    ]) {
      const { stdout, stderr } = installed.run(file, ...flags, "--input-type=module", "-e", code);
      expect([stdout, stderr]).toEqual(["mocked\n", ""]);
    }
  });

  test.skipIf(file === "")("has no export of node:crypto that cryptodev/crypto does not have", () => {
    const code = `
      import * as real from "node:crypto";
      import * as ours from "cryptodev/crypto";
      console.log(Object.keys(real).filter((name) => !(name in ours)).join());
    `;
    const { stdout, stderr } = installed.run(file, "--input-type=module", "-e", code);
    expect([stdout, stderr]).toEqual(["\n", ""]);
  });

  test.skipIf(file === "")("is not changed by the import of any export path", () => {
    expect(installed.runPiped(file, "unchanged.mjs")).toEqual([]);
  });

  test.skipIf(file === "").each(["--import", "--require"])("uses cryptodev/crypto by %s, also in threads", (flag) => {
    const env = { CRYPTODEV_BACKEND: "software" };
    const { stdout, stderr } = installed.runIn(env, file, flag, "cryptodev/register-crypto", "switched.mjs");
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual(allSwitched);
  });

  test.skipIf(file === "")("reaches libc with the permission that the error names", () => {
    const permission = version === "20" ? "--experimental-permission" : "--permission";
    const code = `
      import { open } from "cryptodev";
      try {
        open({ path: "/dev/no-crypto" });
      } catch ({ code, message }) {
        console.log(code, message);
      }
    `;
    const attempt = (...flags: readonly string[]) =>
      installed.run(file, permission, "--allow-fs-read=*", ...flags, "--input-type=module", "-e", code).stdout;
    const [, flag = ""] = /^ffi Node.js is not permitted .* run it with (--allow-\w+)$/m.exec(attempt()) ?? [];
    expect(flag).toBe(version === "latest" ? "--allow-ffi" : "--allow-addons");
    expect(attempt(flag)).toMatch(/^ENOENT /);
  });

  test.skipIf(file === "")("runs the command cryptodev", () => {
    const { stdout, stderr } = installed.run(
      file,
      "node_modules/.bin/cryptodev",
      "info",
      "--backend",
      "software",
      "--json",
    );
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toMatchObject({ device: { backend: "software" } });
  });

  test.skipIf(file === "" || !canServe)("serves a device, whose threads process long data", () => {
    const code = `
      import { createCipheriv } from "node:crypto";
      import { open } from "cryptodev";
      const [key, iv, data] = [new Uint8Array(16), new Uint8Array(16), new Uint8Array(2 ** 20)];
      const device = open();
      const aes = device.cipher("aes-cbc", key);
      const expected = createCipheriv("aes-128-cbc", key, iv).update(data);
      const equal = Array.from({ length: 20 }, () => Buffer.compare(aes.encrypt(data, iv), expected) === 0);
      device.close();
      console.log(device.backend, equal.every(Boolean));
    `;
    const program = [file, "--input-type=module", "-e", code];
    const { stdout, stderr } = installed.run(file, "node_modules/.bin/cryptodev", "serve", "--", ...program);
    expect([stdout, stderr]).toEqual(["kernel true\n", ""]);
  });
});

// Some of what later releases of version 20 have is missing there, such as Symbol.dispose and what registers modules.
describe(`Node.js ${oldest.version}, the oldest supported release`, () => {
  const { file = "" } = oldest;

  test.skipIf(file === "")("encrypts with a session of the package", () => {
    const code = `
      import { open } from "cryptodev";
      const device = open({ backend: "software" });
      console.log(device.cipher("aes-cbc", new Uint8Array(16)).encrypt(new Uint8Array(16), new Uint8Array(16)).length);
      device.close();
    `;
    const { stdout, stderr } = installed.run(file, "--input-type=module", "-e", code);
    expect([stdout, stderr]).toEqual(["16\n", ""]);
  });

  test.skipIf(file === "")("says which version switches programs over", () => {
    for (const name of ["crypto", "webcrypto"]) {
      const { stderr } = installed.run(file, "--import", `cryptodev/register-${name}`, "consumer.mjs");
      expect(stderr).toMatch(
        /UnsupportedError: this version of Node.js cannot switch a program over; use Node.js 20.6/,
      );
    }
  });

  test.skipIf(file === "")("runs the command cryptodev, which closes its device", () => {
    const command = ["node_modules/.bin/cryptodev", "dgst", "sha256", "--backend", "software", "consumer.mjs"];
    const { stdout, stderr } = installed.run(file, ...command);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^[0-9a-f]{64} {2}consumer.mjs\n$/);
  });
});
