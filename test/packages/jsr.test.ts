import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Installed, root } from "../install/installed.ts";
import { canServe } from "../software.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { JsrRegistry } from "./jsr_registry.ts";

/* Publishes the packages to a local stand-in for JSR, and uses them in Deno together with the package of npm. */

let registry: JsrRegistry;
let installed: Installed;
const cache = temporaryFolder("deno");

/** Runs Deno, which uses the stand-in instead of JSR. */
async function deno(cwd: string, ...args: readonly string[]) {
  const env = { ...process.env, JSR_URL: registry.url, DENO_DIR: cache, NO_COLOR: "1" };
  const child = spawn(join(root, "node_modules/.bin/deno"), args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { stdout, stderr, status: child.exitCode };
}

/** Runs a program in the folder in which npm's package is installed. */
async function run(code: string, ...flags: readonly string[]): Promise<string> {
  writeFileSync(join(installed.folder, "program.ts"), code);
  const { stdout, stderr, status } = await deno(installed.folder, "run", "--quiet", ...flags, "program.ts");
  expect([stderr, status]).toEqual(["", 0]);
  return stdout;
}

beforeAll(async () => {
  registry = await JsrRegistry.start();
  installed = Installed.make();
  const published = await deno(root, "publish", "--token", "none", "--allow-dirty");
  if (published.status !== 0) throw new Error(published.stderr);
}, 300_000);
afterAll(() => {
  registry.stop();
  installed.remove();
});

test("the packages from JSR and npm work side by side", async () => {
  const code = `
    import * as npm from "npm:cryptodev@^0.1.0";
    import * as jsr from "jsr:@cryptodev/cryptodev@^0.1.0";
    import { cryptoOf } from "jsr:@cryptodev/cryptodev@^0.1.0/crypto";
    import { SoftwareHost } from "jsr:@cryptodev/soft@^0.1.0";
    const devices = [npm.open({ backend: "software" }), jsr.open({ backend: "software" })];
    const digests = devices.map((device) => device.hash("sha1").digest(new TextEncoder().encode("abc"))[0]);
    const digest = cryptoOf(jsr.open({ backend: "software" })).createHash("sha1").update("abc").digest("hex");
    console.log(digests.join(), digest, devices[1] instanceof npm.Device, new SoftwareHost().open("/dev/crypto", 2));
    try { jsr.open({ path: "/nowhere/crypto" }); } catch (error) { console.log(error.code); }
    Deno.exit();
  `;
  expect(await run(code, "-A")).toBe("169,169 a9993e364706816aba3e25717850c26c9cd0d89d false 0\nENOENT\n");
});

test("openAsync() from JSR starts threads from modules that are not files", async () => {
  const code = `
    import { openAsync } from "jsr:@cryptodev/cryptodev@^0.1.0";
    const device = await openAsync({ backend: "software" });
    const sha1 = await device.hash("sha1");
    console.log((await sha1.digest(new TextEncoder().encode("abc")))[0]);
    await device.close();
  `;
  expect(await run(code, "-A")).toBe("169\n");
});

test("openAsync() in a bundle of the packages from JSR says what to bundle instead", async () => {
  const code = `
    import { openAsync } from "jsr:@cryptodev/cryptodev@^0.1.0";
    console.log("begun");
    await openAsync({ backend: "software" }).catch((error) => console.log(error.message));
  `;
  writeFileSync(join(installed.folder, "bundled.ts"), code);
  const bundled = await deno(installed.folder, "bundle", "--quiet", "-o", "bundle.mjs", "bundled.ts");
  expect([bundled.stderr, bundled.status]).toEqual(["", 0]);
  const { stdout } = await deno(installed.folder, "run", "-A", "bundle.mjs");
  expect(stdout).toBe(
    "begun\na bundle of the package from JSR has no program for threads; bundle the package from npm, npm:cryptodev\n",
  );
});

test.runIf(canServe)("Server.start() from JSR starts a thread that serves a device", async () => {
  const path = join(installed.folder, "crypto");
  const code = `
    import { Server } from "jsr:@cryptodev/serve@^0.1.0";
    const server = await Server.start({ path: "${path}", transport: "fuse" });
    console.log(server.path);
    await server.stop();
  `;
  expect(await run(code, "-A")).toBe(`${path}\n`);
});

test("the types of the packages from JSR are correct", async () => {
  const code = `
    import { type CipherName, open } from "jsr:@cryptodev/cryptodev@^0.1.0";
    const name: CipherName = "aes-128-cbc";
    const bytes: Uint8Array<ArrayBuffer> = open().cipher(name, new Uint8Array(16)).encrypt(new Uint8Array(16), new Uint8Array(16));
    // @ts-expect-error: CIOCCRYPT on an AEAD crashes a kernel
    open().cipher("aes-gcm", bytes);
  `;
  writeFileSync(join(installed.folder, "program.ts"), code);
  const { stderr, status } = await deno(installed.folder, "check", "--all", "--quiet", "program.ts");
  expect([stderr, status]).toEqual(["", 0]);
});
