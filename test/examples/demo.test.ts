import { spawnSync } from "node:child_process";
import { createCipheriv, createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { runtime } from "cryptodev";
import { expect, test } from "vitest";
import { pattern, toHex } from "../bytes.ts";
import { runtimeName } from "../runtime.ts";
import { temporaryFolder } from "../temporary_folder.ts";

const examples = fileURLToPath(new URL("../../examples/", import.meta.url));

test("01_demo1 encrypts as node:crypto does, and prints where it runs", () => {
  const file = join(examples, runtimeName === "Node.js" ? "dist/01_demo1.js" : "01_demo1.ts");
  const args = runtimeName === "Deno" ? ["run", "--allow-ffi", file] : [file];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });

  const cipher = createCipheriv("aes-128-cbc", pattern(16, 5), pattern(16, 11)).setAutoPadding(false);
  const ciphertext = cipher.update(pattern(4096, 3));
  const [where, session, ...rest] = stdout.split("\n");
  expect(where).toBe(`${runtime}, ${existsSync("/dev/crypto") ? "/dev/crypto" : "software device in this process"}`);
  expect(session).toMatch(/^Session: cbc\(aes\) by \S+$/);
  expect(rest).toEqual([
    `Encrypted: 4096 bytes, ${toHex(ciphertext.subarray(0, 16))}...`,
    `SHA-256 of the ciphertext: ${createHash("sha256").update(ciphertext).digest("hex")}`,
    "Test passed",
    "",
  ]);
  expect(status).toBe(0);
});

// The command itself runs in Node.js, and starts the other runtimes.
if (runtimeName === "Node.js") {
  const run = (folder: string, ...args: readonly string[]) =>
    spawnSync(process.execPath, [join(folder, "run.mjs"), ...args], { encoding: "utf8" });

  test("examples/run.mjs runs 01_demo1 in all three runtimes", () => {
    const { status, stdout } = run(examples, "01_demo1");
    expect(stdout.match(/^=== 01_demo1 in .* ===$/gm)).toEqual(
      ["Node.js", "Deno", "Bun"].map((name) => `=== 01_demo1 in ${name} ===`),
    );
    expect(stdout.match(/^(Node\.js|Deno|Bun) \S+, /gm)).toHaveLength(3);
    expect(stdout.match(/^Test passed$/gm)).toHaveLength(3);
    expect(stdout).toMatch(/All three ciphertexts are equal\n$/);
    expect(status).toBe(0);
  });

  test("examples/run.mjs runs an example other than 01_demo1, with its arguments", () => {
    const { status, stdout } = run(examples, "04_encrypt_file", join(examples, "tsconfig.json"));
    expect(stdout.match(/^274 bytes became 288$/gm)).toHaveLength(3);
    expect(status).toBe(0);
  });

  test("examples/run.mjs lists the examples without a name, and if the name is unknown", () => {
    const listed = run(examples);
    expect(listed.stdout).toContain("\n  07_aead           Encrypts and authenticates with AES-GCM\n");
    expect(listed.stdout.match(/^ {2}\d\d_\w+ +[A-Z]/gm)).toHaveLength(
      readdirSync(examples).filter((name) => /^\d\d_.*\.ts$/.test(name)).length,
    );
    expect(listed.status).toBe(0);
    const { status, stderr } = run(examples, "07");
    expect(stderr).toMatch(/^unknown example: 07; the examples are\n\n {2}01_demo1 /);
    expect(status).toBe(2);
  });

  test("examples/run.mjs fails if a runtime is missing", () => {
    const folder = temporaryFolder("demo");
    mkdirSync(join(folder, "examples/dist"), { recursive: true });
    for (const name of ["run.mjs", "01_demo1.ts", "dist/01_demo1.js"])
      cpSync(join(examples, name), join(folder, "examples", name));
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(join(examples, "../packages/cryptodev"), join(folder, "node_modules/cryptodev"));
    const { status, stdout, stderr } = run(join(folder, "examples"), "01_demo1");
    expect(stdout).toContain("Test passed");
    expect(stderr).toMatch(/01_demo1 failed: .*\/deno run .*ENOENT/);
    expect(status).toBe(1);
  });
}
