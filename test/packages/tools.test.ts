import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Installed, npm } from "../install/installed.ts";
import { isRequired } from "../needs.ts";
import { versions } from "./nodes.ts";

/*
 * Runs the packed package with tools that have module loaders of their own, in every version of Node.js. The tools
 * come from npm when the tests run, because they are tens of megabytes that this workspace does not need otherwise.
 */

const tools = ["tsx@4", "jest@30", "vitest@4", "@yarnpkg/cli-dist@4", "keygrip@1", "sinon@21"];
const register = "cryptodev/register-crypto";
const software = { CRYPTODEV_BACKEND: "software", NODE_NO_WARNINGS: "1" };

const installed = Installed.make();
afterAll(() => installed.remove());

/**
 * Installs something from npm.
 *
 * @returns whether that worked
 */
function has(what: string, install: () => void): boolean {
  try {
    install();
    return true;
  } catch (error) {
    if (isRequired("TOOLS")) throw error;
    console.log(
      `skipped: all tests with ${what}, because npm cannot install it (REQUIRE_TOOLS=1 makes that a failure)`,
    );
    return false;
  }
}

/** Writes a file for the tools. */
function write(name: string, code: string): void {
  const file = join(installed.folder, name);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, code);
}

const hasTools = has("tsx, Jest and vitest", () => installed.add("--ignore-scripts", ...tools));
// Each version takes a minute, so only the first and the last are tested unless REQUIRE_TOOLS asks for all.
const chosen = isRequired("TOOLS") ? versions : versions.filter(({ version }) => ["20", "latest"].includes(version));

const checks = `
  const { open } = cryptodev;
  const device = open({ backend: "software" });
  const sha1 = device.hash("sha1");
  const first = sha1.digest(new TextEncoder().encode("abc"))[0];
  sha1.close();
  device.close();
  const digest = ours.createHash("sha1").update("abc").digest("hex").slice(0, 4);
  const result = [!("_options" in crypto.createHash("sha1")), required === crypto, first, digest];
`;
const imports = `
  import * as cryptodev from "cryptodev";
  import ours from "cryptodev/crypto";
  import crypto from "node:crypto";
  import { createRequire } from "node:module";
  const required = createRequire(import.meta.url)("crypto");
`;
const expected = (isSwitched: boolean) => JSON.stringify([isSwitched, true, 0xa9, "a999"]);

const yarn = join(installed.folder, "node_modules/@yarnpkg/cli-dist/bin/yarn.js");

/** Installs the packed package with Yarn, and its dependencies from npm's registry. */
function installByYarn(): void {
  const packed = readdirSync(installed.folder).find((name) => name.endsWith(".tgz"));
  const project = { type: "module", dependencies: { cryptodev: `file:../${packed}` } };
  write("pnp/package.json", JSON.stringify(project));
  const setting = (name: string) => npm(installed.folder, "config", "get", name).trim();
  const settings = [
    "nodeLinker: pnp",
    "enableTelemetry: false",
    "enableScripts: false",
    "enableImmutableInstalls: false",
    `npmRegistryServer: "${setting("registry").replace(/\/$/, "")}"`,
    ...(setting("cafile").startsWith("/") ? [`httpsCaFilePath: "${setting("cafile")}"`] : []),
  ];
  write("pnp/.yarnrc.yml", settings.join("\n"));
  write("pnp/program.mjs", `${imports} ${checks} console.log(JSON.stringify(result));`);
  // With its own lock file, Yarn does not look for a project in the parent folders.
  write("pnp/yarn.lock", "");
  const { status, stdout } = installed.run(process.execPath, yarn, "--cwd", "pnp", "install");
  if (status !== 0) throw new Error(stdout);
}

const hasPnp = hasTools && has("Yarn", installByYarn);

beforeAll(() => {
  write("program.mts", `${imports} ${checks} const typed: string = JSON.stringify(result); console.log(typed);`);
  write("commonjs/package.json", "{}");
  write(
    "commonjs/program.ts",
    'const typed: string = "sha1"; console.log(!("_options" in require("crypto").createHash(typed)));',
  );
  const tested = `expect(JSON.stringify(result)).toBe(process.env.EXPECTED);`;
  write("jest/some.test.mjs", `${imports} test("works", () => { ${checks} ${tested} });`);
  write("jest.json", JSON.stringify({ testMatch: ["**/jest/*.test.mjs"], transform: {} }));
  write(
    "vitest/some.test.ts",
    `import { expect, test } from "vitest"; ${imports} test("works", () => { ${checks} ${tested} });`,
  );
  write("vitest.setup.mjs", `export default { test: { setupFiles: ["${register}"] } };`);
  write(
    "cookies.cjs",
    `
    const crypto = require("crypto");
    const Keygrip = require("keygrip");
    const keys = new Keygrip(["secret"]);
    const stub = require("sinon").stub(crypto, "randomBytes").returns("stub");
    console.log(keys.verify("a=1", keys.sign("a=1")), crypto.randomBytes(1), stub.restore(), crypto.randomBytes(1).length);
  `,
  );
});

describe.each(chosen)("Node.js $version", ({ file }) => {
  const can = hasTools && file !== undefined;
  const run = (variables: Readonly<Record<string, string>>, ...args: string[]) =>
    installed.runIn({ ...software, ...variables }, file as string, ...args);

  const orders = [
    ["--import", "tsx", "--import", register],
    ["--import", register, "--import", "tsx"],
    ["--require", register, "--import", "tsx"],
  ];
  test.runIf(can).each(orders)("runs TypeScript with tsx and cryptodev/crypto, with %s %s %s %s", (...flags) => {
    for (const CRYPTODEV_FALLBACK of ["0", "1"]) {
      const { stdout, stderr } = run({ CRYPTODEV_FALLBACK }, ...flags, "program.mts");
      expect([stdout, stderr]).toEqual([`${expected(true)}\n`, ""]);
      const required = run({ CRYPTODEV_FALLBACK }, ...flags, "commonjs/program.ts");
      expect([required.stdout, required.stderr]).toEqual(["true\n", ""]);
    }
  });

  test.runIf(can).each([false, true])("runs Jest's tests in ES modules (with cryptodev/crypto: %s)", (isSwitched) => {
    const options = ["--experimental-vm-modules", ...(isSwitched ? ["--import", register] : [])].join(" ");
    const env = { NODE_OPTIONS: options, EXPECTED: expected(isSwitched) };
    const { status, stderr } = run(env, "node_modules/jest/bin/jest.js", "--config", "jest.json");
    expect(stderr).toContain("1 passed");
    expect(status).toBe(0);
  });

  test.runIf(can).each(["forks", "threads", "vmThreads", "vmForks"])(
    "runs vitest's tests with cryptodev/crypto in the pool %s",
    (pool) => {
      const vitest = ["node_modules/vitest/vitest.mjs", "run", "--dir", "vitest", "--pool", pool];
      const env = { EXPECTED: expected(true) };
      const preloaded = run({ ...env, CRYPTODEV_FALLBACK: "1", NODE_OPTIONS: `--import ${register}` }, ...vitest);
      expect(preloaded.stdout + preloaded.stderr).toContain("1 passed");
      // In the vm pools, vitest refuses changes that outlast a test.
      if (pool.startsWith("vm")) return;
      const setUp = run(env, ...vitest, "--config", "vitest.setup.mjs");
      expect(setUp.stdout + setUp.stderr).toContain("1 passed");
    },
  );

  test.runIf(can)("runs packages that sign with node:crypto from require(), or replace its functions", () => {
    const { stdout } = run({ CRYPTODEV_FALLBACK: "1" }, "--import", register, "cookies.cjs");
    expect(stdout).toBe("true stub undefined 1\n");
  });

  test.runIf(can && hasPnp)("runs a program with Yarn's Plug'n'Play and cryptodev/crypto", () => {
    const { stdout, stderr } = run({}, yarn, "--cwd", "pnp", "node", "--import", register, "program.mjs");
    expect([stdout, stderr]).toEqual([`${expected(true)}\n`, ""]);
  });
});
