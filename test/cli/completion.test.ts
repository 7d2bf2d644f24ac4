import { describe, expect, test } from "vitest";
import { can } from "../needs.ts";
import { Folder, quoted } from "./folder.ts";

/* The shell completions and the manual page, which are made from the same commands as the help. */

const folder = new Folder();
const print = (...args: readonly string[]): string => folder.cryptodev(args).stdout.toString();
for (const shell of ["bash", "zsh", "fish"]) folder.write(shell, print("completion", shell));
folder.write("cryptodev.1", print("man"));
for (const name of ["key", "keep it", "plain"]) folder.write(name, "");

const commands = [...(print("--help").split("\nCommands:\n")[1] as string).matchAll(/^ {2}(\w+) /gm)]
  .map(([, name]) => name as string)
  .filter((name) => name !== "help");

/** The options in the help of a command. */
const helps = new Map(commands.map((command) => [command, print(command, "--help")]));
const optionsOf = (command: string): string[] =>
  [...(helps.get(command) as string).matchAll(/^ {2}(-[^ ,]+)(?:, (-[^ ]+))?/gm)].flatMap(([, one, other]) =>
    other === undefined ? [one as string] : [one as string, other],
  );

/** What a shell suggests for the last of these words. */
const cases: readonly (readonly [words: readonly string[], all: readonly string[]])[] = [
  [["e"], ["enc"]],
  [
    ["help", "s"],
    ["serve", "speed"],
  ],
  [["enc", "aes-256-g"], ["aes-256-gcm"]],
  [
    ["dgst", "sha2"],
    ["sha224", "sha256"],
  ],
  [["enc", "aes-cbc", "--key-h"], ["--key-hex-file"]],
  [["enc", "aes-cbc", "--nonc"], ["--nonce"]],
  [
    ["enc", "aes-cbc", "--key-file", "ke"],
    ["keep it", "key"],
  ],
  [["enc", "aes-cbc", "-i", "pl"], ["plain"]],
  [
    ["info", "--backend", ""],
    ["auto", "kernel", "software"],
  ],
  [["speed", "--algorithm", "hmac-sha3"], ["hmac-sha384"]],
  [["serve", "--lacks", "aes-g"], ["aes-gcm"]],
  [["serve", "--on-crash", "k"], ["kill"]],
  [
    ["completion", ""],
    ["bash", "fish", "zsh"],
  ],
];

describe("cryptodev completion bash", () => {
  /** Sources the script, and calls its function as bash does. */
  const complete = (words: readonly string[]): readonly string[] => {
    const set = `COMP_WORDS=(cryptodev ${quoted(words)}); COMP_CWORD=${words.length}`;
    const line = `source ./bash; ${set}; _cryptodev; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = folder.run("bash", ["-c", line]);
    expect(stderr).toBe("");
    return stdout.toString().split("\n").filter(Boolean).sort();
  };

  test.each(cases)("suggests for %j: %j", (words, all) => {
    expect(complete(words)).toEqual(all);
  });

  test.each(commands)("suggests all options of %s", (command) => {
    expect(complete([command, "aes-cbc", "-"])).toEqual(optionsOf(command).sort());
  });

  test("suggests after an equals sign, which bash treats as a word", () => {
    expect(complete(["info", "--backend", "=", "s"])).toEqual(["software"]);
    expect(complete(["info", "--backend", "="])).toEqual(["auto", "kernel", "software"]);
  });

  test("suggests a program after --, and then files", () => {
    expect(complete(["serve", "--", "env"])).toContain("env");
    expect(complete(["trace", "-o", "calls", "--", "cat", "pl"])).toEqual(["plain"]);
  });
});

describe.runIf(can("FISH"))("cryptodev completion fish", () => {
  test.each(cases)("suggests for %j: %j", (words, all) => {
    const line = ["cryptodev", ...words].join(" ");
    const script = `source ./fish; complete -C ${quoted([line])}`;
    const { stdout, stderr } = folder.run("fish", ["--no-config", "-c", script]);
    expect(stderr).toBe("");
    const lines = stdout.toString().split("\n").filter(Boolean);
    expect(lines.map((each) => each.split("\t")[0]?.replaceAll("\\", "")).sort()).toEqual(all);
  });
});

describe.runIf(can("ZSH"))("cryptodev completion zsh", () => {
  /** Calls the script's function, with functions in place of those that show suggestions. */
  const specifications = (words: readonly string[]): readonly string[] => {
    const stubs = "compdef() {}; _arguments() { print -rl -- $@ }; _describe() { print -rl -- $commands }";
    const call = `words=(cryptodev ${quoted(words)}); CURRENT=${words.length + 1}; _cryptodev`;
    const { stdout, stderr } = folder.run("zsh", ["-f", "-c", `${stubs}; source ./zsh; ${call}`]);
    expect(stderr).toBe("");
    return stdout.toString().split("\n").filter(Boolean);
  };

  test("describes all commands", () => {
    expect(specifications([""]).map((line) => line.split(":")[0])).toEqual([...commands, "help"]);
  });

  test.each(commands)("specifies all options of %s", (command) => {
    const names = specifications([command, ""]).flatMap((line) => /^(?:\*|\(.*?\))(--?[\w-]+)/.exec(line)?.[1] ?? []);
    expect(names.sort()).toEqual(optionsOf(command).sort());
  });

  test("specifies the values of options and arguments", () => {
    const lines = specifications(["enc", ""]);
    expect(lines.find((line) => line.startsWith("1:"))).toMatch(/^1:algorithm:\(des-cbc .*aes-256-gcm.*\)$/);
    expect(lines).toContain("(-i --in)--in=[input file]:file:_files");
    expect(lines.find((line) => line.includes("--backend"))).toMatch(/:name:\(kernel software auto\)$/);
    expect(specifications(["dgst", ""])).toContain("*:files:_files");
    expect(specifications(["serve", ""])).toContain("*:::program:_normal");
  });
});

describe("cryptodev completion", () => {
  test("refuses a shell that it does not know", () => {
    const { status, stderr } = folder.cryptodev(["completion", "fsh"]);
    expect([status, stderr]).toEqual([
      2,
      'cryptodev: shell: expected one of bash, zsh, fish; got "fsh"; did you mean fish?\n',
    ]);
  });
});

describe("cryptodev man", () => {
  const sections = folder
    .read("cryptodev.1")
    .toString()
    .replaceAll("\\-", "-")
    .split(/^\.S[SH] /m);

  test.each(commands)("describes %s with all of its options", (command) => {
    const section = sections.find((text) => text.startsWith(`\\fBcryptodev ${command}`));
    for (const option of optionsOf(command)) expect(section).toContain(option);
    expect(section).toMatch(/^Exit status: /m);
  });

  test("has the sections of a manual page", () => {
    const contents = sections.map((text) => text.split("\n") as [string, ...string[]]);
    const headings = contents.map(([heading]) => heading).filter((heading) => /^[A-Z ]+$/.test(heading));
    expect(headings).toEqual([
      ...["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS"],
      ...["EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"],
    ]);
    const firstLine = (name: string) => contents.find(([heading]) => heading === name)?.[1];
    expect(firstLine("EXIT STATUS")).toMatch(/^0; 1 if something failed/);
    expect(firstLine("ENVIRONMENT")).toMatch(/^CRYPTODEV_BACKEND is/);
  });

  test.runIf(can("MAN"))("prints a page that man formats without a warning", () => {
    const { status, stdout, stderr } = folder.run("man", ["--warnings", "-E", "UTF-8", "-l", "./cryptodev.1"]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout.toString()).toMatch(/^NAME\n +cryptodev +- +encrypts +and +hashes +with +Linux's/m);
  });
});
