import { execFileSync, spawnSync } from "node:child_process";
import { createCipheriv, createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toHex } from "../bytes.ts";
import { can } from "../needs.ts";
import { canServe, ServedDevice } from "../software.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { cc, compile } from "./compile.ts";

/* Programs in C, which do not know this library: they open a path and call ioctl(2). */

/** The bytes first, first + 1, first + 2 and so on, as the programs generate them. */
const counting = (size: number, first = 0): Uint8Array =>
  Uint8Array.from({ length: size }, (_, index) => first + index);

/** Runs the OpenSSL of this system with some input. */
const openssl = (args: readonly string[], input: Uint8Array | string): string =>
  execFileSync("openssl", args, { input }).toString("hex");

describe.runIf(canServe)("a program in C", () => {
  const programs = compile("life", "gcm", "hash_copy", "async_poll", "memory", "stale", "fork", "beside", "together");
  const folder = temporaryFolder("c");
  let served: ServedDevice;
  beforeAll(async () => {
    served = await ServedDevice.start(join(folder, "crypto"), ["--async"]);
  });
  afterAll(() => served.stop());

  /**
   * Runs a program, which must succeed.
   *
   * @returns what it prints, by name
   */
  function outputOf(program: string): Record<string, string> {
    const { status, stdout, stderr } = spawnSync(program, [served.path], { encoding: "utf8", timeout: 50_000 });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    const lines = stdout.split("\n").filter((line) => line !== "");
    return Object.fromEntries(lines.map((line) => line.split(" ") as [string, string]));
  }

  const run = (name: keyof typeof programs) => outputOf(programs[name]);

  const key = toHex(counting(16));
  const cbc = (iv: Uint8Array, data: Uint8Array) =>
    openssl(["enc", "-aes-128-cbc", "-nopad", "-K", key, "-iv", toHex(iv)], data);

  test("can use a session from its start to its end", () => {
    expect(run("life").ciphertext).toBe(cbc(counting(16, 200), counting(64, 100)));
  });

  test("can encrypt and authenticate with GCM", () => {
    // The command `openssl` does not have AEADs; its library does, through node:crypto.
    const cipher = createCipheriv("aes-128-gcm", counting(16), counting(12, 90));
    cipher.setAAD(counting(20, 50));
    const ciphertext = toHex(cipher.update(counting(100, 1))) + toHex(cipher.final());
    expect(run("gcm").sealed).toBe(ciphertext + toHex(cipher.getAuthTag()));
  });

  test("can hash in pieces, and copy a running hash", () => {
    const sha256 = (text: string) => openssl(["dgst", "-sha256", "-binary"], text);
    expect(run("hash_copy")).toEqual({ abcdef: sha256("abcdef"), abcxyz: sha256("abcxyz"), empty: sha256("") });
  });

  test("can submit an operation, sleep in poll(2) until it is done, and fetch it", () => {
    const results = run("async_poll");
    const data = counting(64 * 32);
    expect(results.first).toBe(cbc(counting(16, 7), data.slice(0, 32)));
    expect(results.last).toBe(cbc(counting(16, 7), data.slice(63 * 32)));
  });

  test("gets an error for memory that is not mapped, not readable or not writable", async () => {
    const since = served.log.length;
    run("memory");
    const rules = (await served.logged(since, 4)).map((line) => /crash (\S+) by thread \d+/.exec(line)?.[1]);
    expect(rules).toEqual(["dst-unmapped", "dst-short", "dst-unmapped", "dst-unmapped"]);
  });

  test("gets an error for memory that was valid in the previous call, and for pages that the kernel cannot write to", async () => {
    const since = served.log.length;
    const kinds = Object.keys(run("stale"));
    expect(kinds).toContain("truncated");
    if (kinds.length < 3)
      console.log(`tried only ${kinds.join()}: this kernel does not have both memfd_secret and guard pages`);
    // A guard page that follows a valid page was tested too.
    const half = kinds.includes("guarded") ? ["dst-short"] : [];
    const expected = [...kinds.flatMap(() => new Array(4).fill("dst-unmapped")), ...half];
    const rules = (await served.logged(since, expected.length)).map(
      (line) => /crash (\S+) by thread \d+/.exec(line)?.[1],
    );
    expect(rules).toEqual(expected);
  });

  test("is answered during a long call of another one, waits for one on the same file, and can be killed in one", () => {
    const { digest } = run("beside");
    const expected = createHash("sha1");
    for (let done = 0; done < 512; done += 1) expected.update(new Uint8Array(2 ** 20));
    expect(digest).toBe(expected.digest("hex"));
  });

  test("gets the same results next to others, which the server answers in several threads", () => {
    const { first, digest } = run("together");
    const plaintext = Uint8Array.from({ length: 3 * 2 ** 19 }, (_, index) => index * 7 + Math.floor(index / 251));
    expect(first).toBe(cbc(counting(16, 7), plaintext.subarray(0, 16)));
    expect(digest).toBe(createHash("sha1").update(plaintext).digest("hex"));
  });

  /** Runs a program that makes the calls of a 32-bit program. */
  const runCompat = (...flags: readonly string[]) => {
    const program = join(folder, "compat");
    cc(fileURLToPath(new URL("programs/compat.c", import.meta.url)), program, ...flags);
    const ciphertext = cbc(counting(16, 200), counting(64, 100));
    expect(outputOf(program)).toEqual({ ciphertext, iv: ciphertext.slice(-32) });
  };

  test.runIf(can("X64"))(
    "of 64 bits can use the ioctls that the driver's compat handler has, by the calls of 32 bits",
    () => {
      runCompat();
    },
  );

  test.runIf(can("CC32"))("of 32 bits can use the ioctls that the driver's compat handler has", () => {
    runCompat("-m32");
  });

  test("can share sessions with its children, be killed in a call, and receive signals during calls", () => {
    run("fork");
  });
});
