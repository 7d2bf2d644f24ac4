import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { runtimeName } from "../runtime.ts";

/* Runs every example as a user does. */

const examples = fileURLToPath(new URL("../../examples/", import.meta.url));
const names = readdirSync(examples)
  .filter((name) => /^\d\d_.*\.ts$/.test(name))
  .map((name) => name.slice(0, -".ts".length))
  .sort();

function run(name: string, ...more: readonly string[]): readonly string[] {
  // Node.js 20 cannot run TypeScript, so Node.js runs the build of the same file.
  const file = join(examples, runtimeName === "Node.js" ? `dist/${name}.js` : `${name}.ts`);
  // SQLite of Node.js 22 and 24 warns that it is experimental.
  const flags = { "Node.js": ["--disable-warning=ExperimentalWarning"], Deno: ["run", "-A"], Bun: [] }[runtimeName];
  const args = [...flags, file, ...more];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return stdout.trimEnd().split("\n");
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const hasSqlite = runtimeName !== "Node.js" || Number.parseFloat(process.versions.node) >= 22.5;
const beginning = "POST /orders HTTP/1.1\r\n".repeat(1000);

/** What each example prints; demo.test.ts checks the first one. */
const outputs: Readonly<Record<string, readonly unknown[]>> = {
  "02_demo2": [
    "HASH test 1: passed",
    "HMAC test 1: passed",
    "Crypt Test: passed",
    "HMAC Test 2: passed",
    "Decrypt Test: passed",
  ],
  "04_encrypt_file": [
    "1750000 bytes became 1750016",
    `SHA-256 before and after: ${sha256("A line that occurs more than once.\n".repeat(50_000))}`,
  ],
  "05_chunks": [
    "In chunks that continue each other: no difference",
    "In chunks of any size: no difference",
    "With the same iv for every chunk: a difference",
    "Ciphertexts that four equal chunks become: 1 with the same iv for all, 4 when chained",
  ],
  "06_hash_copy": [
    ...["one", "two", "three"].map((end) => `${end}: ${sha256(beginning + end)}`),
    `none: ${sha256(beginning)}`,
  ],
  "07_aead": [
    "39 bytes, the last 16 of which are the tag",
    "The meeting is at noon.",
    "a forged data: AuthenticationError",
    "a forged header: AuthenticationError",
    "50 bytes, the first 12 of which are the nonce",
    "The meeting is at one.",
  ],
  "08_async": [
    "33554432 bytes encrypted, and a digest of 32 bytes, at the same time",
    "Meanwhile the event loop kept running",
    "Decrypted: the same",
  ],
  "09_tls_records": [
    // 20 bytes of mac, and padding up to whole blocks.
    "37 bytes sealed as 64: GET / HTTP/1.1 -> HTTP/1.1 200 OK",
    "41 bytes sealed as 64: GET /news HTTP/1.1 -> HTTP/1.1 200 OK",
    "44 bytes sealed as 80: GET /missing HTTP/1.1 -> HTTP/1.1 404 Not Found",
    "a repeated record: AuthenticationError",
  ],
  "10_webcrypto": [
    "3 records, each with a key of its own",
    "bob: 250 euros",
    "bob, with a new master key: 250 euros",
    "with the old master key: OperationError",
    "carol's record in place of bob's: OperationError",
  ],
  "11_webhook": ["200 accepted: invoice.paid", "401 repeated", "401 too old", "401 forged", "200 accepted: refund"],
  "12_sqlite": hasSqlite
    ? [
        "grace@example.org has a key to the lab",
        "The file does not contain the text of a value",
        "ada@example.org has the note of another row: AuthenticationError",
      ]
    : ["This runtime does not have SQLite: Node.js 22.5 and newer, Deno and Bun do"],
};

describe("the folder examples", () => {
  test.each(Object.entries(outputs))("contains %s, which prints what it promises", (name, lines) => {
    expect(run(name)).toEqual(lines);
  });

  test("contains 03_cryptoapi, which prints the known answer, and reads a kernel's list", () => {
    const list = fileURLToPath(new URL("proc-crypto.txt", import.meta.url));
    const [input, encrypted, decrypted, verdict, ...algorithms] = run("03_cryptoapi", list);
    // FIPS 197's cipher over zeros, a value in the self-tests of every implementation.
    expect([input, encrypted, decrypted, verdict]).toEqual([
      "IN: 00000000000000000000000000000000",
      "EN: 66e94bd4ef8a2c3b884cfa59ca342b2e",
      "DE: 00000000000000000000000000000000",
      "PASS: encryption/decryption verified",
    ]);
    const blocks = readFileSync(list, "utf8").match(/^name +:/gm)?.length;
    expect(algorithms[0]).toMatch(new RegExp(`^The kernel has ${blocks} drivers for \\d+ algorithms, among them$`));
    expect(algorithms).toContain("  skcipher cbc(aes) by cbc-aes-aesni");
  });

  test("contains only programs that the guide lists", () => {
    const page = readFileSync(fileURLToPath(new URL("../../docs/guide/examples.md", import.meta.url)), "utf8");
    expect([...page.matchAll(/^\| `(\d\d_.*)\.ts`/gm)].map(([, name]) => name)).toEqual(names);
  });

  test("contains only programs that have a test", () => {
    expect(names).toEqual(["01_demo1", ...Object.keys(outputs), "03_cryptoapi"].sort());
  });
});
