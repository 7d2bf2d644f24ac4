import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { patience, runtimeName } from "../runtime.ts";
import { canServe, ServedDevice } from "../software.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { compile } from "./compile.ts";

/* Many processes at once, which check every result; some of them are killed during a call. */

const CLIENTS = 8;
/** In seconds; `npm run soak` uses five minutes for each test. */
const DURATION = process.env.SOAK === "full" ? 300 : 3;

/** The resources of the server's process: descriptors, threads, and KiB of memory. */
function holdings(pid: number): { descriptors: number; threads: number; memory: number } {
  const memory = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  const count = (what: string) => readdirSync(`/proc/${pid}/${what}`).length;
  return { descriptors: count("fd"), threads: count("task"), memory };
}

test.runIf(canServe)(
  `a server answers ${CLIENTS} processes correctly for ${DURATION} seconds, and leaks nothing when some are killed`,
  async () => {
    const { hammer } = compile("hammer");
    const folder = temporaryFolder("storm");
    const served = await ServedDevice.start(join(folder, "crypto"));
    onTestFinished(async () => void (await served.stop()));
    const pid = served.process.pid as number;
    let seed = 1;
    const failures: string[] = [];
    const start = (seconds: number): ChildProcess => {
      seed += 1;
      const child = spawn(hammer, [served.path, String(seconds), String(seed)], {
        stdio: ["ignore", "ignore", "pipe"],
      });
      child.stderr?.on("data", (text) => failures.push(String(text)));
      return child;
    };

    const storm = async (seconds: number): Promise<void> => {
      const end = Date.now() + seconds * 1000;
      await Promise.all(
        Array.from({ length: CLIENTS }, async (_, index) => {
          while (Date.now() < end) {
            const child = start(Math.ceil((end - Date.now()) / 1000));
            const closed = once(child, "close");
            // Kill half of them, after different delays.
            if (index % 2 === 0) setTimeout(() => child.kill("SIGKILL"), 100 + ((seed * 37) % 400)).unref();
            const [code, signal] = await closed;
            if (signal !== "SIGKILL") expect(code).toBe(0);
          }
        }),
      );
    };
    /** Waits until everything is closed: the kernel closes the files of a killed process a moment later. */
    const settle = async () => {
      for (const end = Date.now() + patience.timeout; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
        served.send(runtimeName === "Deno" ? "SIGUSR2" : "SIGUSR1");
        const [line] = await once(served.process.stdout as NodeJS.ReadableStream, "data");
        const statistics = JSON.parse(String(line));
        if (Date.now() > end || statistics.files === 0) return statistics;
      }
    };
    // Heaps grow to several times their initial size before they are collected.
    await storm(DURATION / 2);
    await settle();
    const before = holdings(pid);
    await storm(DURATION / 2);
    expect(failures).toEqual([]);
    const statistics = await settle();
    expect(statistics).toMatchObject({ files: 0, sessions: 0, crashes: 0, refused: 0 });
    expect(statistics.calls).toBeGreaterThan(1000);
    const after = holdings(pid);
    // Its further threads start when there is work for them, and each has a few descriptors of its own.
    const added = Math.max(0, after.threads - before.threads);
    expect(added).toBeLessThanOrEqual(6);
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 8 * added);
    // A leak of one session per process would be far above this.
    expect(after.memory - before.memory).toBeLessThan(128 * 1024);
    expect(await served.stop()).toBe(0);
  },
  (DURATION + 60) * 1000,
);

test.runIf(canServe)(
  `a server that is killed again and again for ${DURATION} seconds, during the calls of ${CLIENTS} processes, leaves no mount, file or process behind`,
  async () => {
    const { hammer } = compile("hammer");
    const folder = temporaryFolder("storm");
    const path = join(folder, "crypto");
    const remains = () => [
      ...readFileSync("/proc/self/mountinfo", "utf8")
        .split("\n")
        .filter((line) => line.includes(folder)),
      ...readdirSync(folder),
    ];
    const end = Date.now() + DURATION * 1000;
    let seed = 1;
    do {
      const served = await ServedDevice.start(path);
      const clients = Array.from({ length: CLIENTS }, () => {
        seed += 1;
        return spawn(hammer, [path, "3600", String(seed)], { stdio: "ignore" });
      });
      const closed = clients.map((client) => once(client, "close"));
      await new Promise((resolve) => setTimeout(resolve, (seed * 37) % 400));
      await served.stop("SIGKILL");
      // Their calls fail, or the device that they open again does not exist.
      for (const [code] of await Promise.all(closed)) expect(code).toBe(1);
      await expect.poll(remains, patience).toEqual([]);
    } while (Date.now() < end);
  },
  (DURATION + 60) * 1000,
);
