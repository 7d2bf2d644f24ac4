import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Device } from "@cryptodev/core";
import { CIOCCRYPT, requestNumber } from "@cryptodev/core/abi";
import { ServeError, type ServeOptions, Server } from "@cryptodev/serve";
import { describe, expect, test, vi } from "vitest";
import { runForJson } from "../child.ts";
import { patience, realHost } from "../runtime.ts";
import { Replay } from "../soft/replay.ts";
import { canServe, command, inFolders, type ServedDevice } from "../software.ts";
import { compile } from "./compile.ts";

/* A server, and programs and users that attack it. */

/** Repeats a call until the log says how many lines of the last second it omitted. @returns that line and the next one */
async function afterOmitted(served: ServedDevice, call: () => void): Promise<readonly string[]> {
  const found = () => served.log.findIndex((line) => line.includes("lines omitted"));
  await vi.waitUntil(
    () => {
      call();
      return found() >= 0 && served.log.length >= found() + 2;
    },
    { ...patience, interval: 200 },
  );
  return served.log.slice(found(), found() + 2);
}

describe("Server.start(), before anything is mounted,", () => {
  test.each<readonly [string, unknown, string]>([
    ["an algorithm that does not exist", { device: { lacks: ["aes-gmc"] } }, "did you mean aes-gcm?"],
    ["a list of algorithms that is a string", { device: { lacks: "aes-gcm" } }, "lacks: expected an array"],
    ["an error that does not exist", { faults: [{ code: "ENOMEN" }] }, "did you mean ENOMEM?"],
    ["a call that does not exist", { faults: [{ code: "ENOMEM", call: "CIOCGSESION" }] }, "did you mean CIOCGSESSION?"],
    ["a fault that is not an object", { faults: ["ENOMEM"] }, "error of a fault"],
    ["faults that are not an array", { faults: "ENOMEM" }, "faults: expected an array"],
    ["a transport that does not exist", { transport: "FUSE" }, "transport: expected one of fuse, cuse"],
    ["a policy that does not exist", { onCrash: "ignore" }, "onCrash: expected one of refuse, kill, fail"],
    ["a path that is not a string", { path: 7 }, "path: expected a string"],
    ["a number of files that is negative", { files: -1 }, "files: expected an integer of at least 0"],
    ["a limit of the device that is not a number", { device: { totalJobs: "9" } }, "totalJobs: expected a number"],
    ["a device that is not an object", { device: "software" }, "device: expected an object"],
    ["an option of the device with the wrong type", { device: { alignmask: "63" } }, "alignmask: expected a number"],
  ])("refuses %s", async (_what, options, message) => {
    const start = Server.start({ path: "/nowhere/crypto", ...(options as ServeOptions) });
    await expect(start).rejects.toThrow(message);
    await expect(start).rejects.toThrow(
      expect.objectContaining({ name: expect.stringMatching(/^(Type|Range)Error$/) }),
    );
  });

  test("ignores options of a prototype", async () => {
    const polluted = Object.prototype as { transport?: string; faults?: unknown };
    Object.assign(polluted, { transport: "nonsense", faults: 7 });
    try {
      await expect(Server.start({ path: "/nowhere/crypto" })).rejects.toThrow("ENOENT");
    } finally {
      delete polluted.transport;
      delete polluted.faults;
    }
  });
});

test.each([
  ["without its worker module", (folder: string) => rmSync(join(folder, "worker.js")), "index.js"],
  [
    "in a bundle, which would start itself",
    (folder: string) => renameSync(join(folder, "server.js"), join(folder, "worker.js")),
    "worker.js",
  ],
])("Server.start() fails %s", (_what, spoil, entry) => {
  const workspace = fileURLToPath(new URL("../.programs/", import.meta.url));
  mkdirSync(workspace, { recursive: true });
  const copy = mkdtempSync(join(workspace, "serve-"));
  try {
    const dist = join(copy, "dist");
    for (const name of ["dist", "package.json"]) {
      const original = fileURLToPath(new URL(`../../packages/serve/${name}`, import.meta.url));
      cpSync(original, join(copy, name), { recursive: true });
    }
    spoil(dist);
    const message = runForJson<string>(`
      import { Server } from ${JSON.stringify(pathToFileURL(join(dist, entry)).href)};
      const message = await Server.start({ path: "/nowhere/crypto" }).catch((error) => error.name + ": " + error.message);
      console.log(JSON.stringify(message));
    `);
    expect(message).toMatch(
      /^ServeError: the worker of cryptodev\/serve is not next to this module|^UnsupportedError: a bundle has no worker/,
    );
  } finally {
    rmSync(copy, { recursive: true });
  }
});

describe.runIf(canServe)("a served device", () => {
  let folder: string;
  let path: string;
  const start = inFolders((made) => {
    folder = made;
    path = join(made, "crypto");
    return path;
  });
  const mounts = () => readFileSync("/proc/self/mountinfo", "utf8").split("\n");

  describe("is not mounted", () => {
    const refusal = async (at = path) => {
      const ending = await Server.start({ path: at }).then(
        (server) => server.stop().then(() => "it was served"),
        (error) => error,
      );
      expect(ending).toBeInstanceOf(ServeError);
      expect(mounts().filter((line) => line.includes(folder))).toEqual([]);
      return (ending as ServeError).message;
    };

    test("over a symbolic link, whatever its target", async () => {
      writeFileSync(join(folder, "file"), "");
      for (const target of [join(folder, "file"), join(folder, "nothing"), folder]) {
        symlinkSync(target, path);
        expect(await refusal()).toBe(`${path} is a link; serve at the path that it leads to`);
        rmSync(path);
      }
    });

    test.each([
      [
        "belongs to another user",
        (at: string) => chownSync(at, 65533, 65533),
        /belongs to another user \(uid 65533\); as root, serve/,
      ],
      ["everybody can write to", (at: string) => chmodSync(at, 0o777), /can be written by other users/],
      ["a group can write to", (at: string) => chmodSync(at, 0o770), /can be written by other users/],
    ])("by root in or below a folder that %s", async (_what, spoil, message) => {
      const below = join(folder, "a/b");
      mkdirSync(below, { recursive: true });
      spoil(join(folder, "a"));
      expect(await refusal(join(folder, "a/crypto"))).toMatch(message);
      expect(await refusal(join(below, "crypto"))).toMatch(message);
      expect(existsSync(join(below, "crypto"))).toBe(false);
      // The same through a symbolic link.
      symlinkSync(below, join(folder, "link"));
      expect(await refusal(join(folder, "link/crypto"))).toMatch(message);
    });

    test("by root over a file of another user, even if nobody else can replace the file", async () => {
      writeFileSync(path, "");
      chownSync(path, 65533, 65533);
      expect(await refusal()).toMatch(/crypto belongs to another user \(uid 65533\); remove it/);
    });
  });

  test("is mounted in a folder that everybody can write to if it is sticky, as /tmp is", async () => {
    chmodSync(folder, 0o1777);
    const served = await start();
    expect(await served.stop()).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  test("does not unmount what was mounted over it, and does not remove a file that replaced its own", async () => {
    const served = await start();
    const victim = join(folder, "victim");
    writeFileSync(victim, "");
    expect(spawnSync("mount", ["--bind", victim, path]).status).toBe(0);
    expect(await served.stop()).toBe(0);
    // The other mount is still there.
    expect(statSync(path).ino).toBe(statSync(victim).ino);
    expect(mounts().filter((line) => line.includes(` ${path} `) && !line.includes("fuse.cryptodev"))).toHaveLength(1);
    expect(spawnSync("umount", [path]).status).toBe(0);
    spawnSync("umount", ["-l", path]);

    rmSync(path);
    const next = await start();
    expect(spawnSync("umount", ["-l", path]).status).toBe(0);
    renameSync(victim, path);
    await next.stop();
    expect(existsSync(path)).toBe(true);
  });

  test("is unmounted even after its folder was moved", async () => {
    const before = join(folder, "before");
    mkdirSync(before);
    path = join(before, "crypto");
    const served = await start();
    // The kernel writes such names in octal.
    renameSync(before, join(folder, "a \\ # name"));
    mkdirSync(before);
    symlinkSync(folder, path);
    expect(await served.stop()).toBe(0);
    expect(mounts().filter((line) => line.includes(folder))).toEqual([]);
    expect(existsSync(path)).toBe(true);
  });

  const { crash, stuck } = compile("crash", "stuck");

  describe("continues to answer", () => {
    /** Serves with a standard error that a shell has prepared. */
    async function withLog(setup: string) {
      const args = ["-c", `${setup}\nexec "$@"`, "sh", ...command, "serve", path, "--json", "--verbosity", "2"];
      const child = spawn("sh", args, { stdio: ["ignore", "pipe", "pipe"], cwd: folder });
      await once(child.stdout, "data");
      return child;
    }
    const crashes = () => {
      const { status, stderr } = spawnSync("timeout", ["0.5", crash, path], { encoding: "utf8" });
      // The program got ENOTRECOVERABLE, and then slept.
      expect({ status, stderr }).toEqual({ status: 124, stderr: "" });
    };
    const host = realHost();

    test("if the reader of its log is gone", async () => {
      const child = await withLog("");
      child.stderr.destroy();
      await isServed(child);
    });

    test.each([
      ["if its log is on a full disk", "exec 2> /dev/full"],
      ["if its log is closed", "exec 2>&-"],
    ])("%s", async (_what, setup) => {
      await isServed(await withLog(setup));
    });

    test.each([
      ["blocks", "exec 2> pipe"],
      // dd sets the flag of the open file, and leaves it set.
      ["does not block", "exec 2> pipe; dd if=/dev/null oflag=nonblock status=none >&2"],
    ])("if its log is a full pipe that %s", async (_what, setup) => {
      spawnSync("mkfifo", [join(folder, "pipe")]);
      // A process that has the pipe open, but does not read it.
      const reader = spawn("sh", ["-c", "exec 3<> pipe; echo ready; exec sleep 60"], {
        cwd: folder,
        stdio: ["ignore", "pipe", "ignore"],
      });
      await once(reader.stdout, "data");
      try {
        const filler = spawnSync("sh", ["-c", "dd if=/dev/zero of=pipe bs=4096 count=16"], { cwd: folder });
        expect(filler.status).toBe(0);
        await isServed(await withLog(setup));
      } finally {
        reader.kill();
      }
    });

    async function isServed(child: ReturnType<typeof spawn>): Promise<void> {
      for (let round = 0; round < 3; round += 1) crashes();
      const device = Device.open(await host, { path });
      expect(device.hash("sha1").digest(new Uint8Array(3))).toHaveLength(20);
      device.close();
      const closed = once(child, "close");
      process.kill(child.pid as number, "SIGTERM");
      expect((await closed)[0]).toBe(0);
    }
  });

  describe("if the memory of a caller never arrives,", () => {
    /** Makes such a call. @returns `undefined` if the system does not support that */
    async function makeStuck(...args: string[]) {
      const child = spawn(stuck, [path, ...args], { stdio: ["ignore", "pipe", "inherit"] });
      const exited = once(child, "exit");
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const { value } = await lines.next();
      const [, keeper] = /^calling (-?\d+)$/.exec(value) ?? [];
      if (keeper === undefined) {
        console.log(`skipped: memory that never arrives, because there is ${value}`);
        return undefined;
      }
      return {
        pid: child.pid as number,
        keeper: Number(keeper),
        failed: async () => expect((await lines.next()).value).toBe("failed"),
        exited,
      };
    }

    async function digest(): Promise<void> {
      const device = Device.open(await realHost(), { path });
      expect(device.hash("sha1").digest(new Uint8Array(3))).toHaveLength(20);
      device.close();
    }

    /** The system call that a process is in, and its arguments. */
    const systemCall = (pid: number) => readFileSync(`/proc/${pid}/syscall`, "latin1").split(" ").slice(0, 4);

    test("others are answered meanwhile; its call fails, and if that is not enough, it is killed", async () => {
      const served = await start();
      const caller = await makeStuck();
      if (caller === undefined) return;
      const { pid } = caller;
      const request = `0x${requestNumber(CIOCCRYPT, (await realHost()).machine).toString(16)}`;
      await vi.waitUntil(() => systemCall(pid)[2] === request, { ...patience, interval: 1 });
      const before = systemCall(pid);
      await digest();
      expect(systemCall(pid)).toEqual(before);
      await caller.failed();
      expect((await caller.exited)[1]).toBe("SIGKILL");
      await digest();
      expect(served.log.slice(0, 2)).toEqual([
        `cryptodev: the memory of thread ${pid} does not arrive, so its call fails with EFAULT`,
        `cryptodev: thread ${pid} is killed, because its memory still blocks a thread of the server`,
      ]);
      expect(await served.stop()).toBe(0);
    });

    test("others are answered, however many such callers there are, and one can be killed", async () => {
      const served = await start();
      const callers = await Promise.all(Array.from({ length: 6 }, () => makeStuck("kept")));
      if (callers.includes(undefined)) return;
      await digest();
      process.kill(callers[0]?.pid as number, "SIGKILL");
      expect((await callers[0]?.exited)?.[1]).toBe("SIGKILL");
      await digest();
      // The keepers end, and with them the faults.
      for (const caller of callers) process.kill(caller?.keeper as number);
      for (const caller of callers.slice(1)) process.kill(caller?.pid as number, "SIGKILL");
      await digest();
      expect(await served.stop()).toBe(0);
    });

    test("and its userfaultfd is hidden in another process, the server ends, because nothing releases its thread", async () => {
      const served = await start();
      const caller = await makeStuck("hidden");
      if (caller === undefined) return;
      await caller.failed();
      const exited = once(served.process, "close");
      // This waits to open the device, until the kernel ends that.
      const waiting = spawn(crash, [path], { stdio: "ignore" });
      const refused = once(waiting, "close");
      expect((await exited)[1]).toBe("SIGKILL");
      expect(served.log.at(-1)).toMatch(
        /^cryptodev: the server cannot continue: the memory of thread \d+ does not arrive/,
      );
      expect(mounts().filter((line) => line.includes(folder))).toEqual([]);
      expect((await refused)[0]).toBe(1);
      process.kill(caller.keeper);
    }, 60_000);
  });

  test("limits the lines per second about calls that would crash a kernel", async () => {
    const served = await start();
    const run = new Replay(await realHost(), path);
    run.send({ ioctl: "CIOCGSESSION", in: { cipher: 16 }, ret: 0, as: "s" });
    const crash = { ioctl: "CIOCCRYPT", in: { ses: "s", len: 16, dst: 16 }, ret: 0 };
    const begun = performance.now();
    for (let round = 0; round < 2000; round += 1) expect(run.send(crash).errno).toBe("ENOTRECOVERABLE");
    const [omitted, last] = await afterOmitted(served, () => run.send(crash));
    const seconds = Math.ceil((performance.now() - begun) / 1000);
    expect(served.log.length).toBeLessThanOrEqual(102 * (seconds + 1));
    expect(omitted).toMatch(/^cryptodev: lines omitted: \d+$/);
    expect(last).toMatch(/^cryptodev: crash src-null/);
    run.close();
  });

  test("limits the lines per second that --verbosity asks for, and logs how many were omitted", async () => {
    const served = await start("--verbosity", "2");
    const device = Device.open(await realHost(), { path });
    const hash = device.hash("sha1");
    for (let round = 0; round < 4000; round += 1) hash.digest(new Uint8Array(1));
    const [omitted, last] = await afterOmitted(served, () => hash.digest(new Uint8Array(1)));
    device.close();
    expect(served.log.length).toBeLessThan(4000);
    expect(omitted).toMatch(/^cryptodev: lines omitted: \d+$/);
    expect(last).toBe("cryptodev: CIOCCRYPT: done");
  });

  test("limits the sessions of each open file: one more fails with ENOMEM", async () => {
    const server = await Server.start({ path, device: { sessions: 3 } });
    try {
      const host = await realHost();
      const device = Device.open(host, { path });
      const sessions = [1, 2, 3].map(() => device.hash("sha1"));
      expect(() => device.hash("sha1")).toThrow(expect.objectContaining({ code: "ENOMEM" }));
      sessions[0]?.close();
      device.hash("sha1");
      const other = Device.open(host, { path });
      expect(other.hash("sha1").digest(new Uint8Array(3))).toHaveLength(20);
      other.close();
      device.close();
    } finally {
      await server.stop();
    }
  });
});
