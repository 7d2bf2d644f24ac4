import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { describe, expect, test } from "vitest";
import { type ChildOptions, runForJson } from "../child.ts";
import { can } from "../needs.ts";
import { canServe } from "../software.ts";

/*
 * Runs the web platform's own tests of WebCrypto, which are not in this repository: CONTRIBUTING.md says how to get them.
 * No runtime passes all of them, but each that passes with the runtime's own subtle has to pass with the device.
 */

const root = resolve(process.env.WPT ?? "");
const folder = join(root, "WebCryptoAPI");

/** The files for every kind of global object; `historical` is about pages that were not loaded by HTTPS. */
const files = existsSync(folder)
  ? readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".any.js") && name !== "historical.any.js")
      .sort()
  : [];

/**
 * The files that need only what the device has, so that they pass without fallback, each with the titles of tests in it
 * that need more. The tests of wrapKey use ivs of 16 bytes for AES-GCM.
 */
const own: readonly (readonly [file: RegExp, others?: RegExp])[] = [
  [/^digest\/digest\./],
  [/^encrypt_decrypt\/aes_(cbc|ctr|gcm)\./],
  [/^generateKey\/\w+_(AES-(CBC|CTR|GCM)|HMAC)\./],
  [/^(crypto_key_cached_slots|getRandomValues|idlharness|randomUUID)\./],
  [/^import_export\/symmetric_importKey\./, /AES-KW|HKDF|PBKDF2/],
  [/^sign_verify\/hmac\./, /wrong algorithm name/],
  [/^wrapKey_unwrapKey\//, /AES-(GCM|KW)|RSA|ECD|(Ed|X)(25519|448)/],
];

/** How tests ended, by their titles. */
interface Results {
  readonly passed: readonly string[];
  /** With why they failed. */
  readonly failed: Readonly<Record<string, string>>;
}

/** Runs a file in a process of its own: each extends the global object. */
function run(file: string, options: ChildOptions = {}): Results {
  const program = `
    import { readFileSync } from "node:fs";
    import { dirname, join } from "node:path";
    const file = ${JSON.stringify(join(folder, file))};
    const read = (path) =>
      readFileSync(path.startsWith("/") ? join(${JSON.stringify(root)}, path) : join(dirname(file), path), "utf8");
    const code = readFileSync(file, "utf8");
    const scripts = [...code.matchAll(/^\\/\\/ META: script=(\\S+)/gm)].map(([, path]) =>
      // The server of the web platform's tests has another name for it.
      read(path === "/resources/WebIDLParser.js" ? "/resources/webidl2/lib/webidl2.js" : path));
    // What the tests use of a page. All variants of a file run at once.
    const page = {
      GLOBAL: { isShadowRealm: () => false, isWindow: () => false, isWorker: () => false },
      Window: Object.getPrototypeOf(globalThis).constructor,
      fetch: async (path) => ({ ok: true, text: async () => read(path) }),
      isSecureContext: true,
      location: { search: "" },
      self: globalThis,
    };
    for (const [name, value] of Object.entries(page)) {
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    }
    // The process does not end before the tests, and does not wait for one that never does.
    const limit = setTimeout(() => {
      throw new Error("the tests did not end within ten minutes");
    }, 600_000);
    (0, eval)([read("/resources/testharness.js"), ...scripts, code].join("\\n;\\n"));
    add_completion_callback((tests, harness) => {
      clearTimeout(limit);
      if (harness.status !== harness.OK) throw new Error(harness.message);
      const passed = tests.filter(({ status, PASS }) => status === PASS).map(({ name }) => name);
      const failed = tests.filter(({ status, PASS }) => status !== PASS).map(({ name, message }) => [name, message]);
      console.log(JSON.stringify({ passed, failed: Object.fromEntries(failed) }));
    });`;
  return runForJson(program, options);
}

/** Returns the tests that pass with the runtime's own subtle, and not with the device, and why. */
function worse(theirs: Results, ours: Results, others?: RegExp): Readonly<Record<string, string>> {
  const passed = new Set(ours.passed);
  const lost = theirs.passed.filter((title) => !passed.has(title) && others?.test(title) !== true);
  return Object.fromEntries(lost.map((title) => [title, ours.failed[title] ?? "it did not run"]));
}

const software = { CRYPTODEV_BACKEND: "software" };

describe.runIf(can("WPT"))("every test of the web platform that the runtime's own subtle passes", () => {
  test("is found", () => {
    expect(files).toContain("digest/digest.https.any.js");
  });

  test.each(files)("passes with the device: %s", { timeout: 3_600_000 }, (file) => {
    const theirs = run(file);
    const withFallback = run(file, { isSubtleSwitched: true, env: { ...software, CRYPTODEV_FALLBACK: "1" } });
    expect(worse(theirs, withFallback), "with fallback").toEqual({});
    for (const [pattern, others] of own) {
      if (!pattern.test(file)) continue;
      const inProcess = run(file, { isSubtleSwitched: true, env: software });
      expect(worse(theirs, inProcess, others), "without fallback").toEqual({});
      if (!canServe) continue;
      const served = run(file, { isSubtleSwitched: true, isServed: true });
      expect(worse(theirs, served, others), "on a served device").toEqual({});
    }
  });
});
