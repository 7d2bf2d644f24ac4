import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Folder } from "./folder.ts";

/* What the command suggests for a mistyped name, path or command, and its exit code. */

const folder = new Folder();
mkdirSync(join(folder.path, "firmware"));
for (const name of ["key", "plain.txt", "firmware/image", "tool"]) folder.write(name, "sixteen bytes ok");

const given = ["--key-file", "key", "--iv", "00".repeat(16)];

describe("cryptodev suggests what was meant by", () => {
  test.each([
    ["a misspelt command", ["ecn"], 2, "unknown command 'ecn'\n(Did you mean enc?)"],
    ["a misspelt command after help", ["help", "dgts"], 2, "unknown command 'dgts'\n(Did you mean dgst?)"],
    ["a command that is written in full", ["encrypt"], 2, "unknown command 'encrypt'\n(Did you mean enc?)"],
    ["an algorithm in the place of a command", ["SHA-256"], 2, "(Did you mean `dgst SHA-256`?)"],
    ["a hash in the place of a cipher", ["enc", "sha256"], 2, '; got "sha256"; did you mean `dgst sha256`?'],
    ["a cipher in the place of a hash", ["dgst", "aes-cbc"], 2, '; got "aes-cbc"; did you mean `enc aes-cbc`?'],
    ["a misspelt hash", ["dgst", "sha265"], 2, '; got "sha265"; did you mean sha256?'],
    ["a misspelt option", ["enc", "aes-cbc", "--key-flie", "key"], 2, "(Did you mean --key-file?)"],
    ["a misspelt backend", ["info", "--backend", "sofware"], 2, '; got "sofware"; did you mean software?'],
    [
      "a misspelt transport",
      ["serve", "--transport", "fues"],
      2,
      '--transport: expected one of fuse, cuse; got "fues"; did you mean fuse?',
    ],
    ["a misspelt algorithm of speed", ["speed", "-a", "aes-cbs"], 2, '; got "aes-cbs"; did you mean aes-cbc?'],
    ["a program without --", ["trace", "node"], 2, "expected `--` before the program; did you mean `trace -- node`?"],
    [
      "a program in this folder",
      ["trace", "--", "tool"],
      127,
      "tool: ENOENT, no such file or directory; did you mean ./tool?",
    ],
    [
      "a misspelt input",
      ["enc", "aes-ctr", ...given, "-i", "plian.txt"],
      1,
      "plian.txt: ENOENT, no such file or directory; did you mean plain.txt?",
    ],
    [
      "a misspelt folder",
      ["dgst", "sha1", "firmwaer/image"],
      1,
      "firmwaer/image: ENOENT, no such file or directory; did you mean firmware/image?",
    ],
    [
      "a folder of the output",
      ["enc", "aes-ctr", ...given, "-i", "plain.txt", "-o", "firmwaer/sealed"],
      1,
      "firmwaer/sealed: ENOENT, no such file or directory; did you mean firmware/sealed?",
    ],
    [
      "a misspelt device",
      ["dgst", "sha1", "--backend", "kernel", "--path", "/dev/nul"],
      1,
      "/dev/nul: ENOENT, there is no such device; did you mean /dev/null?",
    ],
  ])("%s", (_, args, expected, message) => {
    const { status, stdout, stderr } = folder.cryptodev(args);
    expect([status, stdout.toString(), stderr]).toEqual([expected, "", expect.stringMatching(/^cryptodev: .*\n/)]);
    expect(stderr.endsWith(`${message}\n`), stderr).toBe(true);
  });
});

describe("cryptodev reports an error of the operating system in its own words:", () => {
  test.each([
    ["a program that does not exist", ["trace", "--", "no-such-program"], 127, "; it is not in a folder of $PATH"],
    ["a program that is not executable", ["trace", "--", "./tool"], 126, "./tool: EACCES, permission denied"],
    ["a device in a missing folder", ["serve", "./none/crypto"], 1, "/none: ENOENT, no such file or directory"],
    ["an empty path", ["info", "--path", ""], 2, "--path: expected the path of a device, got an empty one"],
  ])("%s", (_, args, expected, message) => {
    const { status, stderr } = folder.cryptodev(args);
    expect([status, stderr.endsWith(`${message}\n`)], stderr).toEqual([expected, true]);
    expect(stderr).not.toMatch(/ENOENT: |spawn|lstat|syscall/);
  });
});
