import { chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { can } from "../needs.ts";
import { command } from "../software.ts";
import { Folder, quoted } from "./folder.ts";

/* How `enc`, `dec` and `hmac` read their key. */

const folder = new Folder();
const key = folder.write("key", "a secret of ours");
folder.write("text", "text");
const expected = folder.cryptodev(["hmac", "sha256", "--key-file", key, "text"]).stdout.toString();

const shell = (line: string) =>
  folder.run("bash", ["-c", line.replaceAll("HMAC", quoted([...command, "hmac", "sha256", "text"]))]);

describe("cryptodev hmac waits for its key", () => {
  test.each([
    "(sleep 1; cat key) | HMAC --key-fd 0",
    "(sleep 1; cat key) | HMAC --key-file /dev/stdin",
    "HMAC --key-fd 3 3< <(sleep 1; cat key)",
    "HMAC --key-file <(sleep 1; cat key)",
    "HMAC --key-file /dev/fd/7 7< <(sleep 1; cat key)",
    "mkfifo fifo; (sleep 1; cat key > fifo) & HMAC --key-file fifo",
    "(head -c 8 key; sleep 1; tail -c +9 key) | HMAC --key-fd 0",
    "(cat > /dev/null; HMAC --key-fd 9) 9< key < text",
  ])("in the shell command: %s", (line) => {
    const { status, stdout, stderr } = shell(line);
    expect([status, stdout.toString(), stderr]).toEqual([0, expected, ""]);
  });

  // No runtime can pass on a non-blocking descriptor, so this needs another language.
  const program = `
import os, socket, subprocess, sys, time
kind, where, *command = sys.argv[1:]
if kind == "pipe":
    r, w = os.pipe()
else:
    a, b = socket.socketpair()
    r, w = a.detach(), b.detach()
os.set_blocking(r, False)
options = {"stdin": r} if where == "0" else {"pass_fds": [r]}
child = subprocess.Popen(command + [where if where != "descriptor" else str(r)], **options)
os.close(r)
time.sleep(1.5)
with open("key", "rb") as file:
    key = file.read()
os.write(w, key[:5])
time.sleep(0.2)
os.write(w, key[5:])
os.close(w)
sys.exit(child.wait())
`;

  test.runIf(can("PYTHON3")).each([
    ["pipe", "0"],
    ["pipe", "descriptor"],
    ["socket", "0"],
    ["socket", "descriptor"],
  ])("from a non-blocking %s that is passed as --key-fd %s", (kind, where) => {
    const args = [kind, where, ...command, "hmac", "sha256", "text", "--key-fd"];
    const { status, stdout, stderr } = folder.run("python3", ["-c", program, ...args]);
    expect([status, stdout.toString(), stderr]).toEqual([0, expected, ""]);
  });
});

describe("cryptodev hmac --key-fd", () => {
  // Which of these the runtime uses for itself, and what reading them does, differs.
  test.each([3, 4, 5, 6, 7, 8, 9, 11, 13, 17, 19, 21, 22, 400])("refuses %d if it was not passed", (descriptor) => {
    const closed = [...Array(23).keys()].slice(3).map((number) => `${number}<&-`);
    const { status, stdout, stderr } = shell(`HMAC --key-fd ${descriptor} ${closed.join(" ")}`);
    expect([status, stdout.toString(), stderr]).toEqual([
      1,
      "",
      `cryptodev: --key-fd ${descriptor}: no such descriptor was passed; open it, as in \`${descriptor}< key\`\n`,
    ]);
  });
});

describe("cryptodev hmac", () => {
  test.each([
    ["--key-file nothing", 1, "cryptodev: nothing: ENOENT, no such file or directory\n"],
    ["--key-file .", 1, "cryptodev: .: EISDIR, illegal operation on a directory\n"],
    ["--key-fd 5 5< .", 1, "cryptodev: --key-fd 5: EISDIR, illegal operation on a directory\n"],
    ["--key-file key/x", 1, "cryptodev: key/x: ENOTDIR, not a directory\n"],
    ["--key-file /dev/zero", 2, "cryptodev: key: expected at most 512 bytes, got more\n"],
    ["--key-file /dev/null", 2, "cryptodev: key for hmac-sha256: expected at least 1 byte, got none\n"],
    ["--key-file <(true)", 2, "cryptodev: key for hmac-sha256: expected at least 1 byte, got none\n"],
    ["--key-fd 0 < /dev/null", 2, "cryptodev: key for hmac-sha256: expected at least 1 byte, got none\n"],
    ["--key-hex-file <(echo)", 2, "cryptodev: key for hmac-sha256: expected at least 1 byte, got none\n"],
    ["--key-fd 5 5< /dev/zero", 2, "cryptodev: key: expected at most 512 bytes, got more\n"],
  ])("refuses a key: %s, status %i", (flags, expected, message) => {
    const { status, stderr } = shell(`HMAC ${flags}`);
    expect([status, stderr]).toEqual([expected, message]);
  });

  test("refuses to read its key and its data from the same place", () => {
    for (const place of ["--key-fd 0", "--key-file /dev/stdin", "--key-file /dev/fd/0", "--key-file /proc/self/fd/0"]) {
      const { status, stderr } = shell(`cat key | HMAC - ${place}`);
      expect([status, stderr]).toEqual([
        2,
        "cryptodev: expected a file as the input, because standard input provides the key\n",
      ]);
    }
    const { status, stderr } = shell("HMAC --key-fd 0 /dev/fd/0 < key");
    expect([status, stderr]).toEqual([2, expect.stringContaining("because standard input provides the key")]);
    const third = shell("HMAC --key-file /dev/fd/3 /dev/fd/3 3< key");
    expect([third.status, third.stderr]).toEqual([
      2,
      "cryptodev: expected a file as the input, because descriptor 3 provides the key\n",
    ]);
  });
});

describe("cryptodev hmac --key-hex-file", () => {
  const digits = Buffer.from("a secret of ours").toString("hex");
  const hmac = (content: string) => {
    folder.write("key.hex", content);
    return folder.cryptodev(["hmac", "sha256", "text", "--key-hex-file", "key.hex"]);
  };

  test.each([digits, digits.toUpperCase(), `${digits}\n`, `${digits}\r\n`])("reads the key from %j", (content) => {
    const { status, stdout, stderr } = hmac(content);
    expect([status, stdout.toString(), stderr]).toEqual([0, expected, ""]);
  });

  test("reads a key of the maximum size, and from standard input", () => {
    expect(hmac(`${"ab".repeat(512)}\r\n`).status).toBe(0);
    folder.write("key.hex", digits);
    expect(shell("cat key.hex | HMAC --key-hex-file /dev/stdin").stdout.toString()).toBe(expected);
  });

  test.each([
    [`${digits}0`, "expected an even number of hex digits and nothing else"],
    [`0x${digits}`, "expected an even number of hex digits and nothing else"],
    [`${digits} ${digits}`, "expected an even number of hex digits and nothing else"],
    ["ab".repeat(514), "expected at most 512 bytes, got more"],
  ])("refuses %j, and does not repeat it", (content, message) => {
    const { status, stdout, stderr } = hmac(content);
    expect([status, stdout.toString(), stderr]).toEqual([2, "", `cryptodev: key: ${message}\n`]);
  });

  test("cannot be used with another key", () => {
    const { status, stderr } = shell("HMAC --key-hex-file key.hex --key-file key");
    expect([status, stderr]).toEqual([2, expect.stringContaining("cannot be used with")]);
  });
});

describe("cryptodev hmac accepts a key file", () => {
  test("that every user can write, with a warning", () => {
    folder.write("open key", "a secret of ours");
    chmodSync(join(folder.path, "open key"), 0o666);
    const { status, stdout, stderr } = folder.cryptodev(["hmac", "sha256", "text", "--key-file", "open key"]);
    expect([status, stdout.toString()]).toEqual([0, expected]);
    expect(stderr).toBe(
      "cryptodev: warning: every user can read and write the key file 'open key'; `chmod go= 'open key'` prevents that\n",
    );
  });

  test.runIf(can("SCRIPT"))("that every user can read, with a warning on a terminal", () => {
    chmodSync(join(folder.path, key), 0o644);
    const args = [...command, "hmac", "sha256", "text", "--key-file", key];
    const onTerminal = (more: string[]) =>
      folder.run("script", ["-qec", quoted([...args, ...more]), "/dev/null"]).stdout.toString();
    expect(onTerminal([])).toContain("warning: every user can read the key file key;");
    expect(onTerminal(["--quiet"])).not.toContain("warning");
    chmodSync(join(folder.path, key), 0o600);
    expect(onTerminal([])).not.toContain("warning");
  });
});
