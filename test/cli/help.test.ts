import { describe, expect, test } from "vitest";
import { Folder } from "./folder.ts";

const folder = new Folder();
const main = folder.cryptodev(["--help"]).stdout.toString();
const commands = [...(main.split("\nCommands:\n")[1] as string).matchAll(/^ {2}(\w+) /gm)]
  .map(([, name]) => name as string)
  .filter((name) => name !== "help");

describe("cryptodev", () => {
  test("--help lists every command, and begins with examples", () => {
    expect(commands).toEqual(["info", "enc", "dec", "dgst", "hmac", "speed", "trace", "serve", "completion", "man"]);
    expect(main).toMatch(/^\nExamples:\n {2}\$ cryptodev /);
    expect(main).toContain("\nExit status: ");
  });

  test.each(commands)("%s --help begins with examples, and ends with the exit status", (name) => {
    const { status, stdout, stderr } = folder.cryptodev([name, "--help"]);
    expect([status, stderr]).toEqual([0, ""]);
    const text = stdout.toString();
    expect(text).toMatch(/^\nExamples:\n {2}\$ /);
    expect(text.indexOf("Examples:")).toBeLessThan(text.indexOf("Usage:"));
    expect(text).toMatch(/\nExit status: \w/);
    expect(text.split("\n").filter((line) => line.length > 100)).toEqual([]);
    expect(text).not.toContain("(default: [");
    expect(text).not.toContain("\u001b");
  });

  test("dgst --help does not mention a key, which only hmac has", () => {
    const [dgst, hmac] = ["dgst", "hmac"].map((name) => folder.cryptodev([name, "--help"]).stdout.toString());
    expect(dgst).not.toMatch(/\bkey\b/);
    expect(hmac).toContain("or the key too long");
  });

  test("prints its version with --version, and refuses unknown commands with status 2", () => {
    expect(folder.cryptodev(["--version"]).stdout.toString()).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(folder.cryptodev([]).status).toBe(2);
    const helpless = folder.cryptodev(["help", "nonsense"]);
    expect([helpless.status, helpless.stdout.toString(), helpless.stderr]).toEqual([
      2,
      "",
      "cryptodev: unknown command 'nonsense'\n",
    ]);
  });

  test("suggests the command for an algorithm that is given in the place of a command", () => {
    expect(folder.cryptodev(["sha256", "file"])).toMatchObject({
      status: 2,
      stderr: "cryptodev: unknown command 'sha256'\n(Did you mean `dgst sha256`?)\n",
    });
    expect(folder.cryptodev(["aes-256-cbc"]).stderr).toContain("(Did you mean `enc aes-256-cbc`?)");
  });

  test("names an unknown option without its value, which may be a key", () => {
    for (const option of ["--key=c0ffee", "-Kc0ffee"]) {
      const { status, stderr } = folder.cryptodev(["enc", "aes-cbc", option]);
      expect([status, stderr]).toEqual([2, expect.stringContaining("unknown option '-")]);
      expect(stderr).not.toContain("c0ffee");
    }
  });

  test("serve refuses misspelt names in its options, and serves nothing", () => {
    const refused = (...args: string[]) => folder.cryptodev(["serve", ...args, "--", "touch", "served"]);
    for (const [args, message] of [
      [["--lacks", "aes-gmc"], 'got "aes-gmc"; did you mean aes-gcm?'],
      [["--lacks", "hmac-sha265"], "did you mean hmac-sha256?"],
      [["--lacks", "tls12-aes-cbc-hmac-sha256"], "--lacks: expected one of des-cbc"],
      [["--fail", "ENOMEM@CIOCGSESION"], "did you mean CIOCGSESSION?"],
      [["--fail", "ENOMEN"], "did you mean ENOMEM?"],
      [["--alignmask", "6"], "--alignmask: expected one less than a power of two"],
    ] as const) {
      const { status, stderr } = refused(...args);
      expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
    }
    expect(folder.cryptodev(["serve", "ls"])).toMatchObject({
      status: 2,
      stderr: 'cryptodev: path: expected one with a "/" in it, such as ./ls; did you mean `serve -- ls`?\n',
    });
    expect(folder.names).not.toContain("served");
  });
});
