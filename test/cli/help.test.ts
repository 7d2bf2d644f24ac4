import { describe, expect, test } from "vitest";
import { Folder } from "./folder.ts";

const folder = new Folder();
const main = folder.cryptodev(["--help"]).stdout.toString();
const commands = [...(main.split("\nCommands:\n")[1] as string).matchAll(/^ {2}(\w+) /gm)]
  .map(([, name]) => name as string)
  .filter((name) => name !== "help");

describe("help", () => {
  test("knows every command, and begins with examples", () => {
    expect(commands).toEqual(["info", "enc", "dec", "dgst", "hmac", "speed", "trace", "serve"]);
    expect(main).toMatch(/^\nExamples:\n {2}\$ cryptodev /);
    expect(main).toContain("\nExit status: ");
  });

  test.each(commands)("of %s begins with examples, and ends with what exit codes mean", (name) => {
    const { status, stdout, stderr } = folder.cryptodev([name, "--help"]);
    expect([status, stderr]).toEqual([0, ""]);
    const text = stdout.toString();
    expect(text).toMatch(/^\nExamples:\n {2}\$ /);
    expect(text.indexOf("Examples:")).toBeLessThan(text.indexOf("Usage:"));
    expect(text).toMatch(/\nExit status: \w/);
    expect(text).not.toContain("\u001b");
  });

  test("the version is that of the package, and a command that is none is a wrong command line", () => {
    expect(folder.cryptodev(["--version"]).stdout.toString()).toMatch(/^\d+\.\d+\.\d+\n$/);
    const unknown = folder.cryptodev(["encrypt"]);
    expect([unknown.status, unknown.stderr]).toEqual([2, "cryptodev: unknown command 'encrypt'\n"]);
    expect(folder.cryptodev([]).status).toBe(2);
  });
});
