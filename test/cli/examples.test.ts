import { describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";
import { can } from "../needs.ts";
import { canServe } from "../software.ts";
import { Folder } from "./folder.ts";

/* Runs the examples at the beginning of the command's help, unchanged. */

const help = new Folder();
const commands = ["", "info", "enc", "dec", "dgst", "hmac", "speed", "trace", "serve", "completion", "man"];
const examples = commands.flatMap((name) => {
  const [, block = ""] =
    /^\nExamples:\n((?: {2}\$ .*\n)+)/.exec(help.cryptodev([name, "--help"].filter(Boolean)).stdout.toString()) ?? [];
  return [...block.matchAll(/\$ (.*?)(?: +# .*)?$/gm)].map(([, example]) => example as string);
});

const gcm = "cryptodev enc aes-256-gcm --key-file key --nonce random -i plain -o sealed";
const cbc = "cryptodev enc aes-256-cbc --pad --key-hex-file key.hex --iv-file iv -i plain -o sealed";
const decrypts = (before: string) => ({ before, after: "cmp plain original" });
const lists = "cryptodev dgst sha256 *.iso > SHA256SUMS";
const authenticates = "cryptodev hmac sha256 --key-file key firmware.bin > firmware.hmac";

/** The commands that run before an example, and those that check its result afterwards. */
const around: Readonly<Record<string, { readonly before?: string; readonly after?: string }>> = {
  "cryptodev dec aes-256-cbc --pad --key-hex-file key.hex --iv-file iv -i sealed -o plain": decrypts(
    `${cbc} && rm plain`,
  ),
  "cryptodev dec aes-256-gcm --key-fd 3 --nonce random < sealed 3< key": { before: gcm },
  "cryptodev dec aes-256-gcm --key-file key --nonce random -i sealed -o plain": decrypts(`${gcm} && rm plain`),
  "cryptodev dec aes-256-ctr --key-file key --iv random < sealed | tar x": decrypts(
    "tar c plain | cryptodev enc aes-256-ctr --key-file key --iv random > sealed && rm plain",
  ),
  "cryptodev dgst sha256 --check SHA256SUMS": { before: lists },
  "cryptodev hmac sha256 --key-file key --check firmware.hmac": { before: authenticates },
  [lists]: { after: "sha256sum --check SHA256SUMS" },
  "cryptodev speed --svg speed.svg": { after: "grep '</svg>' speed.svg" },
  "cryptodev speed --json > speed.json": { after: "grep bytes speed.json" },
  "cryptodev trace -o calls -- npm test": { after: "grep CIOCCRYPT calls" },
};

/** Examples that are not run here, and the reason. */
const notRun: Record<string, string> = {
  "source <(cryptodev completion bash)": "changes an interactive shell; completion.test.ts uses the scripts",
  "source <(cryptodev completion zsh)": "changes an interactive shell; completion.test.ts uses the scripts",
  "cryptodev completion fish > ~/.config/fish/completions/cryptodev.fish": "changes the user's shell",
  "cryptodev man | man -l -": "needs man; completion.test.ts formats the page",
  "sudo cryptodev info --set-verbosity 1": "needs the module",
  "cryptodev serve": "runs until it is stopped; serve/command.test.ts does that",
  "cryptodev serve /tmp/crypto --stats": "runs until it is stopped; serve/command.test.ts does that",
};
const isServed = (example: string): boolean => /\bserve\b/.test(example);
const canUseJq = can("JQ");

function expectToRun(example: string): void {
  const { before = "", after = "" } = around[example] ?? {};
  const folder = new Folder();
  folder.install();
  for (const name of ["plain", "original", "a.iso", "b.iso", "firmware.bin", "README.md"])
    folder.write(name, pattern(1000));
  folder.write("key", pattern(32));
  folder.write("key.hex", Buffer.from(pattern(32)).toString("hex"));
  folder.write("iv", pattern(16));
  folder.write("program.js", 'import { open } from "cryptodev"; open().close();');
  folder.writeProgram("prog", "cryptodev dgst sha1 key");
  const backend = isServed(example) ? "kernel" : "software";
  const { status, stdout, stderr } = folder.shell([before, example, after], { CRYPTODEV_BACKEND: backend });
  expect(status, `${stdout}${stderr}`).toBe(0);
}

describe("the help of cryptodev", () => {
  const run = [...new Set(examples)].filter(
    (example) => !(example in notRun) && (canUseJq || !example.includes("| jq ")),
  );

  test("has more than 30 examples, among them each that a test lists by its text", () => {
    expect(examples.length).toBeGreaterThan(30);
    expect(examples).toEqual(expect.arrayContaining([...Object.keys(around), ...Object.keys(notRun)]));
  });

  test.each(run.filter((example) => !isServed(example)))("shows an example that runs: %s", expectToRun);
  test.runIf(canServe).each(run.filter(isServed))("shows an example that runs: %s", expectToRun);
});
