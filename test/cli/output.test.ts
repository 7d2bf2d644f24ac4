import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  watch,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { pattern } from "../bytes.ts";
import { can } from "../needs.ts";
import { patience } from "../runtime.ts";
import { command } from "../software.ts";
import { Folder, quoted } from "./folder.ts";

/* Output files, in success and in failure. */

const folder = new Folder();
const inputs = new Folder();
const [key, iv, plain] = (
  [
    ["key", pattern(32, 5)],
    ["iv", pattern(16, 9)],
    ["plain", pattern(300_000, 1)],
  ] as const
).map(([name, content]) => join(inputs.path, inputs.write(name, content))) as [string, string, string];
const ctr = ["enc", "aes-256-ctr", "--key-file", key, "--iv-file", iv];
const sealed = inputs.cryptodev([...ctr, "-i", plain]).stdout;
const write = (out: string, ...flags: string[]) => folder.cryptodev([...ctr, "-i", plain, "-o", out, ...flags]);

beforeEach(() => {
  for (const name of folder.names) rmSync(join(folder.path, name), { recursive: true });
});

/** Starts a command that has begun to write, and waits for the rest of its input. */
async function begun(out: string, ...flags: string[]) {
  const [file, ...args] = command;
  const child = spawn(file, [...args, ...ctr, "-o", out, ...flags], {
    cwd: folder.path,
    env: { ...process.env, CRYPTODEV_BACKEND: "software" },
    stdio: ["pipe", "ignore", "pipe"],
  });
  let messages = "";
  child.stderr?.on("data", (text) => {
    messages += text;
  });
  const ended = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  // It can end before all of that was read.
  child.stdin?.on("error", () => {});
  child.stdin?.write(pattern(100_000));
  const find = () => folder.names.find((name) => /[0-9a-f]{8}\.part$/.test(name));
  await vi.waitUntil(find, patience);
  return { child, part: join(folder.path, find() as string), ended, messages: () => messages };
}

describe("cryptodev reports the name of an output that cannot be written, and leaves nothing behind:", () => {
  const long = "x".repeat(256);
  test.each([
    ["a folder that does not exist", "none/x", "none/x: ENOENT, no such file or directory"],
    ["a folder", ".", ".: EISDIR, illegal operation on a directory"],
    ["a name that ends with a slash", "none/", "none/: ENOENT, no such file or directory"],
    ["a file in the place of a folder", `${plain}/x`, `${plain}/x: ENOTDIR, not a directory`],
    ["a name that is too long", long, `${long}: ENAMETOOLONG, name too long`],
    ["a name with control characters", "none/\u001b[31m", "'none/'$'\\033''[31m': ENOENT, no such file or directory"],
    ["a full device", "/dev/full", "/dev/full: ENOSPC, no space left on device"],
  ])("%s", (_, out, message) => {
    for (const flags of [[], ["--force"]]) {
      const { status, stderr } = write(out, ...flags);
      expect([status, stderr, folder.names]).toEqual([1, `cryptodev: ${message}\n`, []]);
    }
  });

  test("an empty name", () => {
    const { status, stderr } = write("");
    expect([status, stderr]).toEqual([2, "cryptodev: the output: expected the name of a file, got an empty one\n"]);
  });

  test("a dangling link, which stays unchanged", () => {
    symlinkSync("nothing", join(folder.path, "link"));
    for (const flags of [[], ["--force"]]) {
      const { status, stderr } = write("link", ...flags);
      expect([status, stderr]).toEqual([
        1,
        expect.stringMatching(/^cryptodev: link: is a link to a file that does not/),
      ]);
    }
    expect([folder.names, readlinkSync(join(folder.path, "link"))]).toEqual([["link"], "nothing"]);
  });

  test("a link to itself", () => {
    symlinkSync("loop", join(folder.path, "loop"));
    expect(write("loop").stderr).toMatch(/^cryptodev: loop: ELOOP, .*\n$/);
  });

  test.runIf(can("UNSHARE"))("a full file system", () => {
    const script = `mount -t tmpfs -o size=64k tmpfs . && cd "$PWD" && ${quoted([...command, ...ctr, "-i", plain, "-o", "out"])}; echo $?; ls -A`;
    const { stdout, stderr } = folder.run("unshare", ["-rm", "sh", "-c", script]);
    expect([stdout.toString(), stderr]).toEqual(["1\n", "cryptodev: out: ENOSPC, no space left on device\n"]);
  });

  test.each([
    ["speed", "-a", "sha1", "-s", "0.001", "--svg"],
    ["trace", "-o"],
  ])("a missing folder for the output of cryptodev %s", (...flags) => {
    const rest = flags[0] === "trace" ? ["--", "true"] : [];
    const { status, stderr } = folder.cryptodev([...flags, "none/x", ...rest]);
    expect([status, stderr]).toEqual([1, "cryptodev: none/x: ENOENT, no such file or directory\n"]);
  });
});

describe("an output file of cryptodev enc", () => {
  test.each([
    ["255 letters", "x".repeat(255)],
    ["250 letters", "x".repeat(250)],
    ["255 bytes of UTF-8", `${"é".repeat(127)}x`],
  ])("can have the longest possible name, of %s", (_, name) => {
    expect(write(name)).toMatchObject({ status: 0, stderr: "" });
    expect(folder.names).toEqual([name]);
    expect(write(name, "--force").status).toBe(0);
    expect(folder.read(name).equals(sealed)).toBe(true);
  });

  test("can be a FIFO, or a link to a device", async () => {
    const line = `mkfifo fifo; cat fifo > copy & ${quoted([...command, ...ctr, "-i", plain, "-o", "fifo"])}; wait`;
    expect(folder.run("sh", ["-c", line])).toMatchObject({ status: 0, stderr: "" });
    expect(folder.read("copy").equals(sealed)).toBe(true);
    symlinkSync("/dev/null", join(folder.path, "null"));
    expect(write("null").status).toBe(0);
    expect(lstatSync(join(folder.path, "null")).isSymbolicLink()).toBe(true);
  });

  test.each(["600", "640", "604", "400"])(
    "never has a wider mode than %s, that of the file that it replaces",
    async (digits) => {
      const mode = Number.parseInt(digits, 8);
      folder.write("old", "precious");
      chmodSync(join(folder.path, "old"), mode);
      const modes = new Set<number>();
      const seen = (name: string | null) => {
        try {
          modes.add(statSync(join(folder.path, name ?? "")).mode & 0o777);
        } catch {}
      };
      const watcher = watch(folder.path, (_, name) => seen(name));
      try {
        expect(
          folder.run("sh", ["-c", `umask 0; exec ${quoted([...command, ...ctr, "-i", plain, "-o", "old", "-f"])}`])
            .status,
        ).toBe(0);
        const { child, part, ended } = await begun("old", "-f");
        await expect.poll(() => statSync(part).mode & 0o777, patience).toEqual(mode);
        child.stdin?.end();
        expect(await ended).toEqual([0, null]);
      } finally {
        watcher.close();
      }
      for (const each of modes) expect(each & ~mode, each.toString(8)).toBe(0);
      expect(statSync(join(folder.path, "old")).mode & 0o777).toBe(mode);
    },
  );

  test.runIf(can("STRACE"))("is created with the old file's mode, not narrowed later", () => {
    folder.write("old", "precious");
    chmodSync(join(folder.path, "old"), 0o600);
    const line = `umask 0; exec strace -f -e trace=open,openat -o trace ${quoted([...command, ...ctr, "-i", plain, "-o", "old", "-f"])}`;
    expect(folder.run("sh", ["-c", line]).status).toBe(0);
    expect(folder.read("trace").toString()).toMatch(/old\.[0-9a-f]{8}\.part", O_WRONLY.*O_EXCL.*, 0600\)/);
  });

  test.runIf(can("ROOT"))(
    "keeps the owner of the file that it replaces, and nobody else can read it before",
    async () => {
      folder.write("old", "precious");
      chownSync(join(folder.path, "old"), 1234, 4321);
      chmodSync(join(folder.path, "old"), 0o640);
      const { child, part, ended } = await begun("old", "-f");
      await expect.poll(() => [statSync(part).uid, statSync(part).gid], patience).toEqual([1234, 4321]);
      child.stdin?.end();
      expect(await ended).toEqual([0, null]);
      expect(statSync(join(folder.path, "old"))).toMatchObject({ uid: 1234, gid: 4321, mode: 0o100640 });
    },
  );

  test.runIf(can("ROOT") && can("SETPRIV"))("is not replaced if the new file would have another owner", () => {
    mkdirSync(join(folder.path, "shared"));
    folder.write("shared/old", "precious");
    chmodSync(join(folder.path, "shared"), 0o777);
    chmodSync(join(folder.path, "shared/old"), 0o666);
    chmodSync(folder.path, 0o755);
    chmodSync(inputs.path, 0o755);
    const line = quoted([...command, ...ctr, "-i", plain, "-o", "shared/old", "-f"]);
    const user = ["--reuid", "1234", "--regid", "1234", "--clear-groups"];
    // This user may not write a coverage file.
    const env = { HOME: "/tmp", NODE_V8_COVERAGE: "" };
    const { status, stderr } = folder.run("setpriv", [...user, "sh", "-c", line], "", env);
    expect([status, stderr]).toEqual([
      1,
      "cryptodev: shared/old: belongs to user 0 and group 0, and this user cannot create such a file; choose another output, or remove this file\n",
    ]);
    expect(readdirSync(join(folder.path, "shared"))).toEqual(["old"]);
    expect(folder.read("shared/old").toString()).toBe("precious");
  });

  test.runIf(can("ROOT") && can("SETPRIV"))("is reported with its folder if that cannot be written", () => {
    mkdirSync(join(folder.path, "theirs"));
    folder.write("theirs/old", "precious");
    chmodSync(folder.path, 0o755);
    chmodSync(inputs.path, 0o755);
    const user = ["--reuid", "1234", "--regid", "1234", "--clear-groups"];
    const env = { HOME: "/tmp", NODE_V8_COVERAGE: "" };
    for (const name of ["new", "old"]) {
      const line = quoted([...command, ...ctr, "-i", plain, "-o", `theirs/${name}`, "-f"]);
      const { status, stderr } = folder.run("setpriv", [...user, "sh", "-c", line], "", env);
      const place = realpathSync(join(folder.path, "theirs"));
      expect([status, stderr]).toEqual([
        1,
        `cryptodev: theirs/${name}: the folder ${place}: EACCES, permission denied\n`,
      ]);
    }
  });

  test("replaces a file that another process created in the meantime only with --force", async () => {
    const careful = await begun("out");
    folder.write("out", "theirs");
    careful.child.stdin?.end();
    expect(await careful.ended).toEqual([1, null]);
    expect(careful.messages()).toBe("cryptodev: out already exists; use --force to overwrite it\n");
    expect([folder.names, folder.read("out").toString()]).toEqual([["out"], "theirs"]);
    const careless = await begun("new", "--force");
    folder.write("new", "theirs");
    careless.child.stdin?.end();
    expect(await careless.ended).toEqual([0, null]);
    expect([folder.names, folder.read("new").length]).toEqual([["new", "out"], 100_000]);
  });

  test("does not follow a link that another process created in the meantime", async () => {
    const { child, ended } = await begun("out");
    symlinkSync("target", join(folder.path, "out"));
    child.stdin?.end();
    expect(await ended).toEqual([1, null]);
    expect(existsSync(join(folder.path, "target"))).toBe(false);
  });

  test.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGALRM", "SIGXCPU", "SIGUSR2"] as const)(
    "is not left behind after %s, which ends the command as it ends other programs",
    async (signal) => {
      const { child, ended } = await begun("out");
      process.kill(child.pid as number, signal);
      expect(await ended).toEqual([null, signal]);
      expect(folder.names).toEqual([]);
    },
  );
});

describe("cryptodev", () => {
  test.each([
    [["--version"]],
    [["--help"]],
    [["help", "enc"]],
    [["enc", "--help"]],
    [["info"]],
    [["info", "--json"]],
    [["dgst", "sha256", plain]],
    [ctr.concat("-i", plain)],
    [["speed", "-a", "sha1", "-s", "0.001"]],
    [["speed", "-a", "sha1", "-s", "0.001", "--json"]],
  ])("fails if standard output cannot be written: %j", (args) => {
    const { status, stderr } = folder.run("sh", ["-c", `${quoted([...command, ...args])} > /dev/full`]);
    expect([status, stderr]).toEqual([1, "cryptodev: standard output: ENOSPC, no space left on device\n"]);
  });

  test.each([[["help", "enc"]], [["info"]], [["dgst", "sha256", plain]]])(
    "ends with status 141 if standard output has no reader: %j",
    (args) => {
      const line = `{ sleep 0.5; ${quoted([...command, ...args])}; echo $? >&2; } | true`;
      expect(folder.run("sh", ["-c", line]).stderr).toBe("141\n");
    },
  );
});

describe("non-blocking standard output", () => {
  // Reads with pauses, so that the pipe is often full.
  const program = `
import os, socket, subprocess, sys, time
kind, *command = sys.argv[1:]
if kind == "pipe":
    r, w = os.pipe()
else:
    a, b = socket.socketpair()
    r, w = a.detach(), b.detach()
os.set_blocking(w, False)
child = subprocess.Popen(command, stdout=w)
os.close(w)
time.sleep(0.5)
while piece := os.read(r, 20000):
    sys.stdout.buffer.write(piece)
    time.sleep(0.002)
sys.stdout.flush()
sys.exit(child.wait())
`;

  test.runIf(can("PYTHON3")).each(["pipe", "socket"])(
    "receives every byte of cryptodev enc once if it is a %s",
    (kind) => {
      const large = join(inputs.path, inputs.write("large", pattern(2_000_001, 3)));
      const expected = inputs.cryptodev([...ctr, "-i", large]).stdout;
      const { status, stdout, stderr } = folder.run("python3", ["-c", program, kind, ...command, ...ctr, "-i", large]);
      expect([status, stdout.equals(expected), stderr]).toEqual([0, true, ""]);
    },
  );
});

describe("an input of cryptodev", () => {
  test.each([
    [["-i", "nothing"], "nothing: ENOENT, no such file or directory"],
    [["-i", "."], ".: EISDIR, illegal operation on a directory"],
    [["-i", "no\u001bthing"], "'no'$'\\033''thing': ENOENT, no such file or directory"],
    [["-i", ""], "'': ENOENT, no such file or directory"],
  ])("is reported by its name if it cannot be read: %j", (flags, message) => {
    const { status, stderr } = folder.cryptodev([...ctr, ...flags, "-o", "out"]);
    expect([status, stderr, folder.names]).toEqual([1, `cryptodev: ${message}\n`, []]);
  });

  test("is reported by its name if it contains the iv or the additional data, and cannot be read", () => {
    const { stderr } = folder.cryptodev([...ctr.slice(0, 4), "--iv-file", "nothing", "-i", plain]);
    expect(stderr).toBe("cryptodev: nothing: ENOENT, no such file or directory\n");
    const gcm = ["enc", "aes-256-gcm", "--key-file", key, "--iv", "00112233445566778899aabb", "--aad-file", "."];
    expect(folder.cryptodev([...gcm, "-i", plain]).stderr).toBe(
      "cryptodev: .: EISDIR, illegal operation on a directory\n",
    );
  });

  test("is reported as standard input if that is a folder", () => {
    const { status, stderr } = folder.run("sh", ["-c", `${quoted([...command, "dgst", "md5"])} < .`]);
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/^cryptodev: (-: )?standard input: EISDIR, illegal operation on a directory\n$/),
    ]);
  });

  test("can be standard input twice, which is empty the second time", () => {
    const { status, stdout } = folder.cryptodev(["dgst", "md5", "-", "-"], "text");
    expect([status, stdout.toString()]).toEqual([
      0,
      "1cb251ec0d568de6a929b520c4aed8d1  -\nd41d8cd98f00b204e9800998ecf8427e  -\n",
    ]);
  });
});
