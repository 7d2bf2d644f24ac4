import { spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Device } from "@cryptodev/core";
import { describe, expect, test } from "vitest";
import { pattern } from "../bytes.ts";
import { patience, realHost, runtimeName } from "../runtime.ts";
import { Replay } from "../soft/replay.ts";
import { canServe, canServeCharacterDevice, command, inFolders, ServedDevice } from "../software.ts";
import { compile } from "./compile.ts";

/* `cryptodev serve`, run as a user runs it. */

const host = await realHost();
const [file, ...first] = command;
const serve = (...args: readonly string[]) =>
  spawnSync(file, [...first, "serve", ...args], {
    encoding: "utf8",
    timeout: 50_000,
    env: { ...process.env, NO_COLOR: "1" },
  });

/** The signal that prints statistics, and another one. */
const [askingSignal, otherSignal] =
  runtimeName === "Deno" ? (["SIGUSR2", "SIGUSR1"] as const) : (["SIGUSR1", "SIGUSR2"] as const);

/** Child processes inherit this mark, because other tests serve a `/dev/crypto` at the same time. */
const mark = randomUUID();
process.env.CRYPTODEV_TESTED_BY = mark;

function isOurs(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").includes(mark);
  } catch {
    // The process has ended.
    return false;
  }
}

/** Returns the mounts, processes and files of this test that exist because of this path. */
function leftovers(path: string): string[] {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(` ${path} `));
  const guards = spawnSync("pgrep", ["-f", `cryptodev-guard ${path}`], { encoding: "utf8" }).stdout.split("\n");
  return [...mounts, ...guards.filter((pid) => pid !== "" && isOurs(pid)), ...(existsSync(path) ? [path] : [])];
}

describe.runIf(canServe)("cryptodev serve", () => {
  let folder: string;
  let path: string;
  const start = inFolders((made) => {
    folder = made;
    path = join(made, "crypto");
    return path;
  });

  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("leaves nothing behind after %s", async (signal) => {
    const served = await start();
    expect(statSync(path).mode & 0o777).toBe(0o666);
    expect(await served.stop(signal)).toBe(0);
    expect(leftovers(path)).toEqual([]);
  });

  test("leaves nothing behind when it is killed while a program has the device open", async () => {
    const served = await start();
    const device = Device.open(host, { path });
    const aes = device.cipher("aes-cbc", pattern(16));
    await served.stop("SIGKILL");
    await expect.poll(() => leftovers(path), patience).toEqual([]);
    expect(() => aes.encrypt(pattern(16), pattern(16))).toThrow(expect.objectContaining({ code: "ENOTCONN" }));
    device.close();
    expect(await (await start()).stop()).toBe(0);
  });

  test("leaves nothing behind if the path ends with a line feed", async () => {
    const served = await ServedDevice.start(`${path}\n`);
    expect(await served.stop()).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(folder);
  });

  test("replaces a mount that a killed server and its guard left behind", async () => {
    const served = await start();
    spawnSync("pkill", ["-KILL", "-f", `cryptodev-guard ${path}`]);
    await served.stop("SIGKILL");
    expect(() => statSync(path)).toThrow("ENOTCONN");
    const next = await start();
    Device.open(host, { path }).close();
    await next.stop();
    expect(leftovers(path)).toEqual([]);
  });

  test("keeps a file that already existed", async () => {
    writeFileSync(path, "");
    await (await start()).stop();
    expect(existsSync(path)).toBe(true);
    writeFileSync(path, "something");
    const { status, stderr } = serve(path);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `cryptodev: ${path} already exists and is not an empty file\n`,
    });
  });

  test("serves a file that can be opened with O_TRUNC and dated like a device, but not resized, synced, or given another mode or owner", async () => {
    await start();
    closeSync(openSync(path, "w"));
    utimesSync(path, 1, 1);
    const fd = openSync(path, "r+");
    const invalid = expect.objectContaining({ code: "EINVAL" });
    expect(() => ftruncateSync(fd)).toThrow(invalid);
    expect(() => fsyncSync(fd)).toThrow(invalid);
    closeSync(fd);
    expect(spawnSync("df", [folder], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
    // Of all file systems, as without arguments, but for those of other tests, whose servers may be stopped at the moment.
    expect(spawnSync("df", [path], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
    const refused = expect.objectContaining({ code: "EPERM" });
    expect(() => chmodSync(path, 0o600)).toThrow(refused);
    expect(() => chownSync(path, 0, 0)).toThrow(refused);
    expect(statSync(path)).toMatchObject({ mode: 0o100666, uid: 0, gid: 0, size: 0 });
    Device.open(host, { path }).close();
  });

  test("reports why it cannot serve a path or accept an option", async () => {
    await start();
    expect(serve(path)).toMatchObject({ status: 1, stderr: `cryptodev: ${path} is already served\n` });
    expect(serve("/dev/null")).toMatchObject({ status: 1, stderr: expect.stringContaining("is already a device") });
    expect(serve("/nowhere/crypto")).toMatchObject({ status: 1, stderr: expect.stringContaining("ENOENT") });
    expect(serve("/proc/crypto-device")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("cannot be created: ENOENT"),
    });
    expect(serve("--nonsense")).toMatchObject({ status: 2, stderr: expect.stringContaining("--nonsense") });
    expect(serve("--fail", "EWHAT")).toMatchObject({ status: 2, stderr: expect.stringContaining("ENOMEM") });
    expect(serve("--fail", "ENOMEN")).toMatchObject({
      status: 2,
      stderr: "cryptodev: --fail: expected the name of an error; did you mean ENOMEM?\n",
    });
    expect(serve("--help")).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^\nExamples:\n {2}\$ cryptodev/),
    });
  });

  test("reports what is missing on a machine, and what to do about it", async () => {
    const without = (setup: readonly string[]) => {
      const [program = "", ...args] = [...setup, file, ...first, "serve", path];
      return spawnSync(program, args, { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } }).stderr;
    };
    expect(without(["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /dev && exec "$0" "$@"'])).toBe(
      "cryptodev: /dev/fuse cannot be opened: ENOENT; this system does not have FUSE: load its module with `modprobe fuse`, or in a container, give it /dev/fuse\n",
    );
    expect(without(["setpriv", "--bounding-set=-sys_admin"])).toBe(
      `cryptodev: ${path} cannot be mounted: EPERM; it requires root, or a namespace of your own: \`cryptodev serve -- program\`\n`,
    );
    await expect.poll(() => leftovers(path), patience).toEqual([]);
  });

  test("refuses to create a character device outside of /dev, over an existing file, or without CUSE", () => {
    const refusal = (at: string) => serve(at, "--transport", "cuse").stderr;
    expect(refusal(path)).toBe(`cryptodev: ${path}: CUSE creates devices only in /dev\n`);
    expect(refusal("/dev/null")).toBe("cryptodev: /dev/null already exists\n");
    if (canServeCharacterDevice) return;
    expect(refusal("/dev/crypto-test")).toBe(
      "cryptodev: /dev/cuse cannot be opened: ENOENT; it requires root and `modprobe cuse`\n",
    );
  });

  test("limits with --limit what programs use together, and refuses limits that do not exist", async () => {
    await start("--limit", "files=2", "--limit", "sessions=2", "--limit", "total-sessions=3", "--limit", "bytes=64");
    const [one, other] = [Device.open(host, { path }), Device.open(host, { path })];
    expect(() => Device.open(host, { path })).toThrow(expect.objectContaining({ code: "ENFILE" }));
    const noMemory = expect.objectContaining({ code: "ENOMEM" });
    one.hash("sha1");
    one.hash("sha1");
    expect(() => one.hash("sha1")).toThrow(noMemory);
    other.hash("sha1");
    expect(() => other.hash("sha1")).toThrow(noMemory);
    one.close();
    const hash = other.hash("sha1");
    expect(hash.digest(pattern(64))).toHaveLength(20);
    expect(() => hash.digest(pattern(65))).toThrow(noMemory);
    other.close();
    expect(serve("--limit", "session=2")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("did you mean sessions?"),
    });
    expect(serve("--limit", "sessions=many")).toMatchObject({
      status: 2,
      stderr: "cryptodev: --limit: expected sessions=<number>\n",
    });
  });

  test("prints one line as soon as it is ready", async () => {
    const child = spawn(file, [...first, "serve", path], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(child.stdout, "data");
    expect(String(line)).toBe(`cryptodev: serving ${path} over FUSE\n`);
    child.kill();
    await once(child, "close");
  });

  test("prints statistics when it receives a signal", async () => {
    const served = await start("--stats");
    const device = Device.open(host, { path });
    const aes = device.cipher("aes-cbc", pattern(16));
    aes.encrypt(pattern(48), pattern(16));
    aes.close();
    device.hash("sha1");
    expect(() => new Replay(host, path).send({ ioctl: "CIOCCRYPT", in: { ses: 1 }, ret: 0 })).not.toThrow();
    served.send(askingSignal);
    const [line] = await once(served.process.stdout as NodeJS.ReadableStream, "data");
    const { event, files, sessions, calls, refused, crashes, encrypted } = JSON.parse(String(line));
    expect({ event, files, sessions, calls, refused, crashes, encrypted }).toEqual({
      event: "statistics",
      files: 2,
      sessions: 1,
      calls: 5,
      refused: 1,
      crashes: 0,
      encrypted: 48,
    });
    device.close();
  });

  test("refuses callers whose memory it cannot access, such as those outside of its container", async () => {
    const args = ["--pid", "--fork", file, ...first, "serve", path];
    const child = spawn("unshare", args, { stdio: ["ignore", "pipe", "pipe"] });
    await once(child.stdout, "data");
    const log = once(child.stderr, "data");
    const run = new Replay(host, path);
    expect(run.send({ ioctl: "CIOCGSESSION", in: { mac: 14 }, ret: 0, as: "s" })).toEqual({ ret: -1, errno: "EACCES" });
    run.close();
    expect(String(await log)).toMatch(/^cryptodev: the memory of thread 0 cannot be accessed/);
    // The server is the first process of its container, and `unshare` does not pass signals on to it.
    spawnSync("pkill", ["-TERM", "-P", String(child.pid)]);
    await once(child, "close");
    expect(leftovers(path)).toEqual([]);
  });

  test("applies --driver, --alignmask, --lacks, --verbosity and --fail, and logs neither keys nor data", async () => {
    const flags = ["--driver", "caam", "--alignmask", "63", "--lacks", "aes-gcm", "--verbosity", "2"];
    const served = await start(...flags, "--fail", "ENOMEM@CIOCGSESSION", "--fail", "EACCES@open");
    expect(() => Device.open(host, { path })).toThrow(expect.objectContaining({ code: "EACCES" }));
    const device = Device.open(host, { path });
    const key = new Uint8Array(16).fill(0xc0);
    expect(() => device.cipher("aes-cbc", key)).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    const aes = device.cipher("aes-cbc", key);
    expect(aes.info()).toMatchObject({ cipher: { driver: "cbc(aes)-caam" }, alignmask: 63, hardware: true });
    expect(() => device.aead("aes-gcm", key)).toThrow(expect.objectContaining({ code: "EINVAL" }));
    aes.encrypt(new Uint8Array(16).fill(0xda), pattern(16));
    device.close();
    await served.stop();
    expect(served.log).toContain("cryptodev: CIOCCRYPT: done");
    expect(served.log.join("\n")).not.toMatch(/c0c0|192,|192 192|dada|218/);
  });

  describe("--on-crash", () => {
    const { crash } = compile("crash");

    test("refuse, the default, returns ENOTRECOVERABLE, and logs the rule and the caller", async () => {
      const served = await start();
      const program = spawn(crash, [path], { stdio: "inherit" });
      expect((await served.logged(0))[0]).toMatch(
        /^cryptodev: crash src-null by thread \d+: CIOCCRYPT: this call crashes a kernel/,
      );
      // The program got its error, and sleeps now.
      expect(program.exitCode).toBe(null);
      program.kill();
      expect(await served.stop()).toBe(0);
    });

    test("fail ends the server with status 3, and leaves nothing behind", async () => {
      const served = await start("--on-crash", "fail");
      const program = spawn(crash, [path], { stdio: "inherit" });
      const status = served.process.exitCode ?? (await once(served.process, "close"))[0];
      // The program sleeps, and would keep the test run waiting.
      program.kill();
      expect(status).toBe(3);
      expect(leftovers(path)).toEqual([]);
    });

    test("kill kills the caller, and continues to serve", async () => {
      await start("--on-crash", "kill");
      const [, signal] = await once(spawn(crash, [path], { stdio: "inherit" }), "close");
      expect(signal).toBe("SIGKILL");
      Device.open(host, { path }).close();
    });

    test("fail ends the program that it serves, with status 3", () => {
      const { status, stderr } = serve("--on-crash", "fail", "--", crash, "/dev/crypto");
      expect(status).toBe(3);
      expect(stderr).toContain("crash src-null");
    });
  });

  describe("-- program", () => {
    const script = `
      import { open } from "cryptodev";
      const device = open();
      console.log(device.backend, device.path, device.hash("sha1").digest(new TextEncoder().encode("abc")).join());
      device.close();
    `;
    const runtime = runtimeName === "Deno" ? [process.execPath, "run", "-A"] : [process.execPath];

    test("runs with a /dev/crypto that is not visible to other programs, and with all other devices", () => {
      // A program in the workspace can import its packages.
      const workspace = fileURLToPath(new URL("../.programs/", import.meta.url));
      mkdirSync(workspace, { recursive: true });
      const programs = mkdtempSync(join(workspace, "beside-"));
      const program = join(programs, "program.mjs");
      writeFileSync(program, script);
      const { status, stdout, stderr } = serve("--", ...runtime, program);
      rmSync(programs, { recursive: true });
      expect(stderr).toBe("");
      expect(stdout).toMatch(/^kernel \/dev\/crypto 169,153,62,/);
      expect(status).toBe(0);
      expect(existsSync("/dev/crypto")).toBe(false);
      const looked = serve("--", "sh", "-c", "ls /dev; echo to-null > /dev/null; head -c 4 /dev/urandom | wc -c");
      expect(looked.stdout).toMatch(/^crypto$/m);
      expect(looked.stdout).toMatch(/^4$/m);
      expect(leftovers("/dev/crypto")).toEqual([]);
    });

    test.each([
      ["exit 7", 7],
      ["kill -TERM $$", 143],
    ])("returns the exit status of the program: %s", (line, status) => {
      expect(serve(path, "--", "sh", "-c", line).status).toBe(status);
    });

    test("reports a program that does not exist or is not executable", () => {
      expect(serve("--", "/no/such")).toMatchObject({ status: 127, stderr: expect.stringContaining("ENOENT") });
      expect(serve("--", "/etc/passwd")).toMatchObject({ status: 126, stderr: expect.stringContaining("EACCES") });
    });

    const passed = ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGALRM", otherSignal] as const;

    test.each(passed)("passes %s on to the program, and removes the device after it", async (signal) => {
      const loop = `trap 'exit 9' ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`;
      const child = spawn(file, [...first, "serve", path, "--", "sh", "-c", loop], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(child.stdout, "data");
      process.kill(child.pid as number, signal);
      expect((await once(child, "close"))[0]).toBe(9);
      expect(leftovers(path)).toEqual([]);
    });

    test("prints statistics when it receives a signal, which it does not pass on", async () => {
      const args = [...first, "serve", path, "--stats", "--", "sh", "-c", "echo ready; exec sleep 50"];
      const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
      await once(child.stdout, "data");
      const line = once(child.stderr, "data");
      process.kill(child.pid as number, askingSignal);
      expect(String(await line)).toMatch(/^cryptodev: \d+ files and 0 sessions open, .*\n$/);
      process.kill(child.pid as number, "SIGTERM");
      expect((await once(child, "close"))[0]).toBe(143);
    });

    test("runs where there already is a /dev/crypto, and with any TMPDIR", () => {
      const nested = serve("--", file, ...first, "serve", "--", "sh", "-c", "ls /dev/crypto /dev/null");
      expect(nested).toMatchObject({ status: 0, stdout: "/dev/crypto\n/dev/null\n" });
      const before = readdirSync("/dev/shm").length;
      for (const TMPDIR of ["/dev/shm", "/nonexistent"]) {
        const line = `TMPDIR=${TMPDIR} exec "$0" "$@"`;
        const { status, stderr } = spawnSync("sh", ["-c", line, file, ...first, "serve", "--", "true"]);
        expect([status, String(stderr)]).toEqual([0, ""]);
      }
      expect(readdirSync("/dev/shm").length).toBeLessThanOrEqual(before);
    });

    test("passes on the descriptors that it inherited, and none of its own", () => {
      writeFileSync(join(folder, "text"), "text");
      const line = `exec "$0" "$@" 3< ${join(folder, "text")} 9>&1`;
      const args = [...first, "serve", path, "--", "sh", "-c", "cat <&3 >&9; ls -l /proc/self/fd | grep -c fuse"];
      const { stdout, stderr } = spawnSync("sh", ["-c", line, file, ...args], { encoding: "utf8" });
      expect([stdout, stderr]).toEqual(["text0\n", ""]);
    });

    test("says which unshare(1) it needs if an option is missing", () => {
      chmodSync(folder, 0o755);
      const unshare = `case "$*" in *--map-user*) printf "unshare: unrecognized option '--map-user'\\nUsage\\n" >&2; exit 1; esac`;
      writeFileSync(join(folder, "unshare"), `#!/bin/sh\n${unshare}\n`, { mode: 0o755 });
      const user = ["--reuid", "1234", "--regid", "1234", "--clear-groups"];
      const { status, stderr } = spawnSync("setpriv", [...user, file, ...first, "serve", "--", "true"], {
        encoding: "utf8",
        // This user may not write a coverage file.
        env: { ...process.env, PATH: `${folder}:${process.env.PATH}`, HOME: "/tmp", NODE_V8_COVERAGE: "" },
      });
      expect([status, stderr]).toEqual([
        1,
        "cryptodev: a private /dev requires a namespace, which cannot be created (unshare: unrecognized option '--map-user'); install unshare(1) of util-linux\n",
      ]);
    });
  });
});
