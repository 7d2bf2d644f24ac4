import { nearest } from "@cryptodev/core/algorithms";
import { describe, expect, test } from "vitest";
import { can } from "../needs.ts";
import { command } from "../software.ts";
import { Folder, quoted } from "./folder.ts";

/* Control characters in file names, on a terminal and elsewhere. */

const folder = new Folder();
const names = [
  "plain name",
  "esc\u001b[31m",
  "c1\u009b31m",
  "bell\u0007",
  "del\u007f",
  "cr\rx",
  "new\nline",
  "rtl\u202e",
  "it's \u001b",
];
for (const name of names) folder.write(name, name);

const list = (): Buffer => folder.cryptodev(["dgst", "sha256", ...names]).stdout;
const onTerminal = (args: readonly string[]): string =>
  folder
    .run("script", ["-qec", `${quoted([...command, ...args])} 2>/dev/null`, "/dev/null"])
    .stdout.toString()
    .replaceAll("\r\n", "\n");
/** Characters that a terminal interprets as commands, or that reverse a line. */
const dangerous = /[^\P{Cc}\n\t]|\u202e/u;

describe("a control character in a name that cryptodev prints", () => {
  test.runIf(can("SCRIPT"))("is quoted on a terminal, as by ls", () => {
    const text = onTerminal(["dgst", "sha256", ...names]);
    expect(text).not.toMatch(dangerous);
    expect(text.split("\n").map((line) => line.replace(/[0-9a-f]{64}/, "#"))).toEqual([
      "#  plain name",
      "#  'esc'$'\\033''[31m'",
      "#  'c1'$'\\302\\233''31m'",
      "#  'bell'$'\\a'",
      "#  'del'$'\\177'",
      "\\#  cr\\rx",
      "\\#  new\\nline",
      "#  'rtl'$'\\342\\200\\256'",
      "#  'it'\\''s '$'\\033'",
      "",
    ]);
    folder.write("LIST", list());
    const checked = onTerminal(["dgst", "sha256", "--check", "LIST"]);
    expect(checked).not.toMatch(dangerous);
    expect(checked).toContain("'esc'$'\\033''[31m': OK\n");
    expect(checked).toContain("\\cr\\rx: OK\n");
  });

  test("is written unchanged to a pipe, so that lists can be checked", () => {
    expect(list().toString()).toContain("  esc\u001b[31m\n");
    folder.write("LIST", list());
    const { status, stdout } = folder.cryptodev(["dgst", "sha256", "--check", "LIST"]);
    expect([status, stdout.toString()]).toEqual([0, expect.stringContaining("esc\u001b[31m: OK\n")]);
  });

  const odd = "x\u001b]0;title\u0007\u009b\u202e";
  test.each([
    ["dgst", "sha256", odd],
    ["dgst", "sha256", "--check", odd],
    ["enc", "aes-ecb", "--key-file", odd, "-i", "plain name"],
    ["enc", odd],
    ["enc", "aes-cbc", "--backend", odd],
    ["enc", "aes-cbc", `--${odd}`],
    ["enc", "aes-cbc", "--tag-size", odd],
    ["info", "--backend", "kernel", "--path", `/dev/${odd}`],
    ["speed", "-a", odd],
    ["serve", odd],
    ["serve", "--lacks", odd],
    ["serve", "--fail", odd],
    ["trace", "--", odd],
    ["trace", "-o", `none/${odd}`, "--", "true"],
    ["help", odd],
    [odd],
  ])("is escaped in messages: %j", (...args) => {
    const { status, stdout, stderr } = folder.cryptodev(args);
    expect(status).toBeGreaterThan(0);
    expect(stderr).not.toBe("");
    expect(stderr).not.toMatch(dangerous);
    expect(stdout.toString().replaceAll("\n", "")).not.toMatch(dangerous);
  });

  test("is escaped in messages about lines of a list", () => {
    folder.write("ODD", `${"0".repeat(64)}  ${odd}\n`);
    const { stderr } = folder.cryptodev(["dgst", "sha256", "--check", "--warn", "ODD"]);
    expect(stderr).toContain("'x'$'\\033'']0;title'$'\\a\\302\\233\\342\\200\\256': ENOENT");
    expect(stderr).not.toMatch(dangerous);
  });
});

test("a message of cryptodev does not repeat text in the place of a name, because it may be a key", () => {
  for (const secret of ["0123456789abcdef", "c0ffee".repeat(6), "correct horse battery", "x".repeat(21)]) {
    const { status, stderr } = folder.cryptodev(["enc", secret]);
    expect([status, stderr]).toEqual([2, expect.stringContaining("; got something else\n")]);
    expect(stderr).not.toContain(secret);
  }
});

describe("nearest()", () => {
  const known = ["sha1", "sha256", "sha512", "aes-cbc", "aes-256-cbc", "aes-gcm", "CIOCGSESSION", "CIOCFSESSION"];
  test.each([
    ["sha265", "sha256"],
    ["SHA-256", "sha256"],
    ["sha-1", "sha1"],
    ["AES-256-CBC", "aes-256-cbc"],
    ["aes-256-cbs", "aes-256-cbc"],
    ["aes-gmc", "aes-gcm"],
    ["CIOCGSESION", "CIOCGSESSION"],
    ["sha3", undefined],
    ["rot13", undefined],
    ["", undefined],
    ["0".repeat(64), undefined],
  ])("finds the name for which '%s' is meant, or none", (name, meant) => {
    expect(nearest(name, known)).toBe(meant);
  });
});
