import { createHash, createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { fromText, pattern } from "../bytes.ts";
import { Folder, manifest } from "../cli/folder.ts";
import { canServe } from "../software.ts";
import { blocksIn, pages } from "./example.ts";

/* Runs the commands of the pages, unchanged, in a folder with this library and the files that the page assumes. */

/** Commands that are not run here, with the reason. */
const notRun: Readonly<Record<string, string>> = {
  "source <(cryptodev completion bash)": "changes an interactive shell; cli/completion.test.ts uses the scripts",
  "source <(cryptodev completion zsh)": "changes an interactive shell; cli/completion.test.ts uses the scripts",
  "cryptodev completion fish > ~/.config/fish/completions/cryptodev.fish": "changes the user's shell",
  "npm install && npm run demo":
    "installs this workspace; test/examples runs the program, and the gate runs the demo itself",
  "npm install && npm test": "installs this workspace, and runs this suite",
  "npm install cryptodev": "installs the published package; test/install does the same with a packed one",
  "deno add npm:cryptodev": "installs the published package; test/install does the same with a packed one",
  "bun add cryptodev": "installs the published package; test/install does the same with a packed one",
  "modprobe cryptodev": "needs the module",
  "sudo apt install git make gcc linux-headers-$(uname -r)": "changes the whole machine",
  "git clone https://github.com/cryptodev-linux/cryptodev-linux": "needs a network",
  "sudo make -C cryptodev-linux install": "needs the headers of the running kernel",
  "sudo modprobe cryptodev": "needs the module",
  "docker run --device /dev/crypto node:22 npx --yes cryptodev info": "needs Docker and the module",
  "ls -l /dev/crypto": "needs the module",
  "cat /proc/crypto": "needs a kernel with this file, which some do not have",
  "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0": "changes the whole machine",
};

/** The commands of a block: every line of a shell block, and what each step of a workflow runs. */
function commandsOf({ language, code }: { language: string; code: string }): string[] {
  const lines = code.split("\n").filter((line) => line !== "");
  if (language === "sh") return lines;
  return lines.map((line) => {
    const [, run] = /^- run: (.*)$/.exec(line) ?? [];
    if (run === undefined) throw new Error(`cannot parse this step of a workflow: ${line}`);
    return run;
  });
}

const withoutComment = (line: string): string => line.replace(/ +# .*$/, "");
const blocks = pages
  .flatMap((page) => blocksIn(page))
  .filter(({ language }) => language === "sh" || language === "yaml")
  .map((block) => ({ ...block, commands: commandsOf(block) }));
const scripts = blocks
  .map((block) => ({ ...block, commands: block.commands.filter((line) => !(withoutComment(line) in notRun)) }))
  .filter(({ commands }) => commands.length > 0);

/** The input of a script, and its expected result. */
interface Frame {
  /** The files that the script expects. */
  readonly given?: Readonly<Record<string, string | Uint8Array>>;
  /** Whether the script serves a `/dev/crypto` that its programs have to use. */
  readonly isServed?: true;
  readonly stdout?: RegExp;
  readonly stderr?: RegExp;
  /** The files that it creates; `undefined` if the content of one is unpredictable. */
  readonly makes?: Readonly<Record<string, string | Uint8Array | RegExp | undefined>>;
}

const trace = /^(\w+\(.*\) = (\d+|-1 ENOENT)\n)+$/;
const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");
const tested: Frame = { isServed: true, stdout: new RegExp(`\n${sha256(manifest)} {2}package.json\n$`) };
const chart = /^cryptodev \d[\s\S]*█/;

const key = fromText("a key of 16 byte");
const [image, firmware] = [pattern(5000), pattern(3000)];

/** The frame of each script, by its first command. */
const frames: Readonly<Record<string, Frame>> = {
  "npx cryptodev info": { stdout: /^cryptodev \d/ },
  "npx cryptodev serve -- npm test": tested,
  "npx cryptodev serve --on-crash fail -- npm test": tested,
  "npx cryptodev serve -- sh -c 'echo 2 > /sys/module/cryptodev/parameters/verbosity; npm test'": {
    ...tested,
    stderr: /^cryptodev: CIOCCRYPT: done$/m,
  },
  "cryptodev speed --algorithm aes-cbc --chart": { stdout: chart },
  "head -c 32 /dev/urandom > key": {
    given: { plain: image },
    makes: { key: undefined, sealed: undefined, "plain.again": image },
  },
  "cryptodev dgst sha256 *.iso > SHA256SUMS": {
    given: { "a.iso": image, "b.iso": firmware, "firmware.bin": firmware, key },
    stdout: /^a\.iso: OK\nb\.iso: OK\nfirmware\.bin: OK\n$/,
    makes: {
      SHA256SUMS: `${sha256(image)}  a.iso\n${sha256(firmware)}  b.iso\n`,
      "firmware.hmac": `${createHmac("sha256", key).update(firmware).digest("hex")}  firmware.bin\n`,
    },
  },
  "cryptodev info": { stdout: chart },
  "cryptodev trace -- node program.js": {
    given: { "program.js": 'import { open } from "cryptodev"; open().close();' },
    stdout: /\n[0-9a-f]{64} {2}package.json\n$/,
    stderr: /^open\(.*\) = 0\nclose\(0\) = 0\n$/,
    makes: { calls: trace },
  },
};

test("every shell command in the documentation is run by a test, or listed with the reason why not", () => {
  const firsts = scripts.map(({ commands }) => withoutComment(commands[0] as string));
  expect([...new Set(firsts)].sort()).toEqual(Object.keys(frames).sort());
  const shown = blocks.flatMap(({ commands }) => commands.map(withoutComment));
  expect(shown).toEqual(expect.arrayContaining(Object.keys(notRun)));
});

const runs = scripts.map(({ where, heading, commands }) => ({
  where,
  heading,
  commands,
  frame: frames[withoutComment(commands[0] as string)] as Frame,
}));

function expectToWork({ commands, frame }: (typeof runs)[number]): void {
  const folder = new Folder();
  folder.install();
  for (const [name, content] of Object.entries(frame.given ?? {})) folder.write(name, content);
  const before = folder.names;
  const env = frame.isServed ? { CRYPTODEV_BACKEND: "kernel" } : {};
  const { status, stdout, stderr } = folder.shell(commands, env);
  expect(stderr).toMatch(frame.stderr ?? /^$/);
  expect(status).toBe(0);
  expect(stdout.toString()).toMatch(frame.stdout ?? /^$/);
  const makes = Object.entries(frame.makes ?? {});
  expect(folder.names).toEqual([...before, ...makes.map(([name]) => name)].sort());
  for (const [name, content] of makes) {
    if (content instanceof RegExp) expect(folder.read(name).toString()).toMatch(content);
    else if (content !== undefined) expect(folder.read(name).equals(Buffer.from(content))).toBe(true);
  }
}

describe("the shell commands in the documentation work:", () => {
  test.each(runs.filter(({ frame }) => !frame.isServed))("$where, $heading", expectToWork);
  test.runIf(canServe).each(runs.filter(({ frame }) => frame.isServed))("$where, $heading", expectToWork);
});
