import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "../child.ts";
import { runtimeName } from "../runtime.ts";
import { canServe, command } from "../software.ts";

/* What a user gets: the packed packages in a folder of their own, with this repository out of reach. */

const root = fileURLToPath(new URL("../../", import.meta.url));
const names = ["core", "node", "deno", "bun", "soft", "serve", "cryptodev"];

let folder: string;
let contents: readonly string[];

function npm(cwd: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync("npm", args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`npm ${args.join(" ")}\n${stdout}\n${stderr}`);
  return stdout;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "cryptodev-install-"));
  const workspaces = names.flatMap((name) => ["--workspace", `packages/${name}`]);
  const packed: { filename: string; files: { path: string }[] }[] = Object.values(
    JSON.parse(npm(root, "pack", "--json", "--pack-destination", folder, ...workspaces)),
  );
  contents = packed.flatMap(({ files }) => files.map(({ path }) => path));
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  npm(
    folder,
    "install",
    "--prefer-offline",
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    ...packed.map(({ filename }) => `./${filename}`),
  );
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the packed packages, installed into an empty folder", () => {
  test("hold what is needed and nothing else", () => {
    expect(contents.filter((path) => !/^(dist|src)\/|^package\.json$/.test(path))).toEqual([]);
    expect(contents.filter((path) => /tsbuildinfo|\.test\./.test(path))).toEqual([]);
  });

  const readme = readFileSync(join(root, "README.md"), "utf8");
  const examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code as string);

  test.each(examples)("run an example of the README as it stands: %#", (code) => {
    const { status, stdout, stderr } = runProgram(code, { folder });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    if (code === examples[0]) expect(stdout).toMatch(/^(kernel|software) [\s\S]*sixteen bytes ok\n$/);
  });

  test("switch a program over by the command of the README", () => {
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

  test("find libc through the host that was installed with them", () => {
    const { stdout } = runProgram(
      'import { open } from "cryptodev"; try { open({ path: "/dev/no-crypto" }) } catch (error) { console.log(error.code) }',
      { folder },
    );
    expect(stdout).toBe("ENOENT\n");
  });

  test.runIf(canServe)("serve a device to the program that the command was given", () => {
    const program = join(folder, "served.mjs");
    writeFileSync(program, 'import { open } from "cryptodev"; console.log(open().path);');
    const [file, ...args] = command.slice(0, -1);
    const runtime = [file as string, ...args];
    const { stdout, stderr } = spawnSync(
      file as string,
      [...args, join(folder, "node_modules/.bin/cryptodev"), "serve", "--", ...runtime, program],
      { encoding: "utf8" },
    );
    expect({ stdout, stderr }).toEqual({ stdout: "/dev/crypto\n", stderr: "" });
  });

  test("bring the command", () => {
    const [file, ...args] = command;
    const installed = join(folder, "node_modules/cryptodev/dist/cli/main.js");
    const flags = [...args.slice(0, -1), installed, "dgst", "sha1", "--backend", "software", installed];
    const { status, stdout, stderr } = spawnSync(file, flags, { encoding: "utf8" });
    expect([stderr, status]).toEqual(["", 0]);
    expect(stdout).toMatch(/^[0-9a-f]{40} {2}\/.*main\.js\n$/);
  });

  // Types are the same for all runtimes.
  if (runtimeName === "Node.js") {
    test("are typed without the types of any runtime", () => {
      mkdirSync(join(folder, "typed"));
      writeFileSync(
        join(folder, "typed/main.ts"),
        `
        import { type CipherName, open } from "cryptodev";
        import { denoHost } from "@cryptodev/deno";
        import { bunHost } from "@cryptodev/bun";
        import { nodeHost } from "@cryptodev/node";
        import { SoftwareHost } from "@cryptodev/soft";
        import { Server } from "@cryptodev/serve";
        const device = open({ backend: "auto" });
        const name: CipherName = "aes-128-cbc";
        const bytes: Uint8Array<ArrayBuffer> = device.cipher(name, new Uint8Array(16)).encrypt(new Uint8Array(16), new Uint8Array(16));
        // @ts-expect-error: CIOCCRYPT on an AEAD crashes a kernel
        device.cipher("aes-gcm", bytes);
        // @ts-expect-error: an HMAC has a key
        device.hmac("sha256");
        export const hosts = [denoHost, bunHost, nodeHost, () => new SoftwareHost(), () => Server.start()];
      `,
      );
      const options = [
        "--noEmit",
        "--strict",
        "--module",
        "nodenext",
        "--target",
        "es2022",
        "--lib",
        "es2022,esnext.disposable",
        "--types",
        "",
      ];
      const { status, stdout } = spawnSync(join(root, "node_modules/.bin/tsc"), [...options, "typed/main.ts"], {
        cwd: folder,
        encoding: "utf8",
      });
      expect(stdout).toBe("");
      expect(status).toBe(0);
    });
  }

  // The last one, as it takes something away.
  test("load what only the command needs for the command alone", () => {
    for (const name of ["commander", "cli-progress", "cli-table3", "@cryptodev/serve"]) {
      rmSync(join(folder, "node_modules", name), { recursive: true });
    }
    const { status, stderr } = runProgram(examples[0] as string, { folder });
    expect([stderr, status]).toEqual(["", 0]);
  });
});
