import { execFileSync, spawnSync } from "node:child_process";
import { createCipheriv } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toHex } from "../bytes.ts";
import { canServe, ServedDevice } from "../software.ts";
import { compile } from "./compile.ts";

/* Programs in C, which know nothing of us: they open a path and call ioctl(2). */

/** The bytes first, first + 1, first + 2 and so on, as the programs make them. */
const counting = (size: number, first = 0): Uint8Array =>
  Uint8Array.from({ length: size }, (_, index) => first + index);

/** What the OpenSSL of this system makes of some input. */
const openssl = (args: readonly string[], input: Uint8Array | string): string =>
  execFileSync("openssl", args, { input }).toString("hex");

describe.runIf(canServe)("a program in C", () => {
  const programs = compile("life", "gcm", "hash_copy", "async_poll", "memory", "stale", "fork");
  let folder: string;
  let served: ServedDevice;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "cryptodev-c-"));
    served = await ServedDevice.start(join(folder, "crypto"), ["--async"]);
  });
  afterAll(async () => {
    await served.stop();
    rmSync(folder, { recursive: true });
  });

  /** Runs one to its good end. @returns what it shows, by name */
  function run(name: keyof typeof programs): Record<string, string> {
    const { status, stdout, stderr } = spawnSync(programs[name], [served.path], { encoding: "utf8", timeout: 50_000 });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    const lines = stdout.split("\n").filter((line) => line !== "");
    return Object.fromEntries(lines.map((line) => line.split(" ") as [string, string]));
  }

  const key = toHex(counting(16));
  const cbc = (iv: Uint8Array, data: Uint8Array) =>
    openssl(["enc", "-aes-128-cbc", "-nopad", "-K", key, "-iv", toHex(iv)], data);

  test("lives through the whole life of a session", () => {
    expect(run("life").ciphertext).toBe(cbc(counting(16, 200), counting(64, 100)));
  });

  test("encrypts and authenticates with GCM", () => {
    // The command `openssl` has no AEADs; its library does, through node:crypto.
    const cipher = createCipheriv("aes-128-gcm", counting(16), counting(12, 90));
    cipher.setAAD(counting(20, 50));
    const ciphertext = toHex(cipher.update(counting(100, 1))) + toHex(cipher.final());
    expect(run("gcm").sealed).toBe(ciphertext + toHex(cipher.getAuthTag()));
  });

  test("hashes in pieces, and copies a running hash", () => {
    const sha256 = (text: string) => openssl(["dgst", "-sha256", "-binary"], text);
    expect(run("hash_copy")).toEqual({ abcdef: sha256("abcdef"), abcxyz: sha256("abcxyz"), empty: sha256("") });
  });

  test("submits, sleeps in poll(2) until something is done, and fetches", () => {
    const results = run("async_poll");
    const data = counting(64 * 32);
    expect(results.first).toBe(cbc(counting(16, 7), data.slice(0, 32)));
    expect(results.last).toBe(cbc(counting(16, 7), data.slice(63 * 32)));
  });

  test("is refused memory that is not there, or not its to read or write", async () => {
    const since = served.log.length;
    run("memory");
    const rules = (await served.logged(since, 4)).map((line) => /hazard (\S+) by thread \d+/.exec(line)?.[1]);
    expect(rules).toEqual(["dst-unmapped", "dst-short", "dst-unmapped", "dst-unmapped"]);
  });

  test("is refused memory that was good in the call before, and survives what no kernel can write to", async () => {
    const since = served.log.length;
    const kinds = Object.keys(run("stale"));
    expect(kinds).toContain("truncated");
    if (kinds.length < 3)
      console.log(`tried ${kinds.join()} only: this kernel has no more of memfd_secret and guard pages`);
    // A page of guards behind a good one was tried too.
    const half = kinds.includes("guarded") ? ["dst-short"] : [];
    const expected = [...kinds.flatMap(() => new Array(4).fill("dst-unmapped")), ...half];
    const rules = (await served.logged(since, expected.length)).map(
      (line) => /hazard (\S+) by thread \d+/.exec(line)?.[1],
    );
    expect(rules).toEqual(expected);
  });

  test("shares with its children, dies in the middle of calls, and is not disturbed by signals", () => {
    run("fork");
  });
});
