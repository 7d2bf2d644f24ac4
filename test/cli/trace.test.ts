import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runProgram } from "../child.ts";
import { can } from "../needs.ts";
import { command } from "../software.ts";
import { Folder, quoted } from "./folder.ts";

const folder = new Folder();
const key = folder.write("key", "a secret of ours");
const hmac = ["hmac", "sha256", "--key-file", key, key];

describe("cryptodev trace", () => {
  test("shows the calls of a program, and neither keys nor data", () => {
    const plain = folder.cryptodev(hmac);
    const { status, stdout, stderr } = folder.cryptodev(["trace", "--", ...command, ...hmac]);
    expect(status).toBe(0);
    expect(stdout.equals(plain.stdout)).toBe(true);
    const calls = stderr.trim().split("\n");
    expect(calls[0]).toMatch(/^open\("\/dev\/crypto", 0x\w+\) = \d+$/);
    expect(calls.at(-1)).toMatch(/^close\(\d+\) = 0$/);
    const start = calls.find((line) => line.includes("CIOCGSESSION"));
    expect(start).toMatch(/mac=CRYPTO_SHA2_256_HMAC, .*mackeylen=16, mackey=\[16 bytes\]/);
    expect(stderr).not.toContain("secret");
  });

  test("writes the calls to a file, which it truncates first", () => {
    folder.write("calls", "old\n");
    const { status, stderr } = folder.cryptodev(["trace", "-o", "calls", "--", ...command, ...hmac]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(folder.read("calls").toString()).toMatch(/^open\([\s\S]+\nclose\(\d+\) = 0\n$/);
  });

  test("selects the backend of the program, and ends with its exit status", () => {
    const kernel = ["trace", "--backend", "kernel", "--", ...command, "dgst", "md5", "--path", "/dev/no-crypto", key];
    const { status, stderr } = folder.cryptodev(kernel);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^open\("\/dev\/no-crypto", 0x\w+\) = -1 ENOENT\n/)]);
    expect(folder.cryptodev(["trace", "--", "sh", "-c", "exit 7"]).status).toBe(7);
    expect(folder.cryptodev(["trace", "--", "no-such-program"]).status).toBe(127);
    expect(folder.cryptodev(["trace"]).status).toBe(2);
  });
});

describe("cryptodev trace passes on", () => {
  test("descriptors that it inherited", () => {
    const line = `exec ${quoted([...command, "trace", "--", "sh", "-c", "cat <&3 >&9"])} 3< key 9>&1`;
    const { status, stdout, stderr } = folder.run("sh", ["-c", line]);
    expect([status, stdout.toString(), stderr]).toEqual([0, "a secret of ours", ""]);
  });

  test("no arguments that are not UTF-8", () => {
    const line = `exec ${quoted([...command, "trace", "--", "echo"])} "$(printf '\\377')"`;
    const { status, stdout, stderr } = folder.run("sh", ["-c", line]);
    expect([status, stdout.toString(), stderr]).toEqual([
      2,
      "",
      "cryptodev: the program and its arguments: expected UTF-8, because no other bytes can be passed on\n",
    ]);
  });

  // Interrupts it in the foreground with the keyboard, and in the background with kill(2).
  const program = `
import os, pty, re, signal, sys
where, *command = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    if where == "foreground":
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    elif os.fork() == 0:
        os.setpgid(0, 0)
    else:
        os.wait()
        os._exit(0)
    os.execvp(command[0], command)
output = b""
is_sent = False
try:
    while piece := os.read(terminal, 1000):
        output += piece
        ready = re.search(rb"ready (\\d+)\\r\\n", output)
        if ready and not is_sent:
            is_sent = True
            if where == "foreground":
                os.write(terminal, b"\\x03")
            else:
                os.kill(int(ready[1]), signal.SIGINT)
except OSError:
    pass
print(output.count(b"interrupted"))
`;
  const loop = 'trap "echo interrupted" INT; echo ready $PPID; for i in 1 2 3 4 5 6 7 8; do sleep 0.1; done';

  test.runIf(can("PYTHON3")).each(["foreground", "background"])(
    "an interrupt exactly once in the %s of a terminal",
    (where) => {
      const args = ["-c", program, where, ...command, "trace", "--", "sh", "-c", loop];
      const { stdout, stderr } = folder.run("python3", args);
      expect([stdout.toString(), stderr]).toEqual(["1\n", ""]);
    },
  );
});

describe("CRYPTODEV_TRACE", () => {
  const program = 'import { open } from "cryptodev"; open({ backend: "software" }).close();';

  test("makes any program show its calls", () => {
    const { stderr } = runProgram(program, { env: { CRYPTODEV_TRACE: "1" } });
    expect(stderr).toMatch(/^open\("\/dev\/crypto", 0x\w+\) = \d+\n[\s\S]*close\(\d+\) = 0\n$/);
    const file = join(folder.path, "shown");
    expect(runProgram(program, { env: { CRYPTODEV_TRACE: file } }).stderr).toBe("");
    expect(folder.read("shown").toString()).toBe(stderr);
  });

  test("has no effect if it is empty or 0, or if the program sets its own trace", () => {
    for (const value of ["", "0"]) expect(runProgram(program, { env: { CRYPTODEV_TRACE: value } }).stderr).toBe("");
    const own = program.replace('"software"', '"software", trace: () => {}');
    expect(runProgram(own, { env: { CRYPTODEV_TRACE: "1" } }).stderr).toBe("");
  });
});
