import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runForJson } from "../child.ts";
import { runtimeName } from "../runtime.ts";
import { canServe, ServedDevice } from "../software.ts";
import { temporaryFolder } from "../temporary_folder.ts";

/* What openAsync() keeps open of a served device, and what is left after an error. */

const folder = temporaryFolder("async");
let served: ServedDevice;
beforeAll(async () => {
  if (canServe) served = await ServedDevice.start(join(folder, "crypto"));
});
afterAll(() => served?.stop());

/** The common start of the programs below. It finds threads by the messages that are posted to them. */
const prelude = (): string => `
  import { openAsync } from "cryptodev";
  import { readdirSync, readFileSync, readlinkSync } from "node:fs";
  import process from "node:process";
  import { setTimeout } from "node:timers/promises";
  import { Worker } from "node:worker_threads";
  const path = ${JSON.stringify(served.path)};
  const server = ${served.process.pid};
  const targetOf = (fd) => { try { return readlinkSync("/proc/self/fd/" + fd); } catch { return ""; } };
  const held = () => readdirSync("/proc/self/fd").filter((fd) => targetOf(fd) === path).length;
  const waitsIn = (thread) => { try { return readFileSync("/proc/self/task/" + thread + "/wchan", "utf8"); } catch { return ""; } };
  const isInCall = () => readdirSync("/proc/self/task").some((thread) => waitsIn(thread) === "request_wait_answer");
  const threads = new Set();
  let onPost = () => {};
  const { postMessage } = Worker.prototype;
  Worker.prototype.postMessage = function (...args) {
    threads.add(this);
    postMessage.apply(this, args);
    onPost(this, args[0]);
  };
  const outcome = (promise) => promise.then(() => "done", (error) => error.name);
  const say = (value) => console.log(JSON.stringify(value));
  const open = (workers) => openAsync({ backend: "kernel", path, workers, inline: false });
`;

describe.runIf(canServe)("AsyncDevice", () => {
  test("close() closes the devices of all threads", () => {
    const result = runForJson<{ open: number[]; left: number }>(`${prelude()}
      const open5 = [];
      for (let round = 0; round < 5; round += 1) {
        const device = await open(2);
        const [aes] = [await device.cipher("aes-cbc", new Uint8Array(16)), await device.hash("sha1")];
        await aes.encrypt(new Uint8Array(16), new Uint8Array(16));
        open5.push(held());
        await device.close();
      }
      say({ open: open5, left: held() });
    `);
    expect(result).toEqual({ open: [2, 2, 2, 2, 2], left: 0 });
  });

  test("does not stay open if openAsync() rejects", () => {
    const result = runForJson<{ outcomes: string[]; left: number }>(`${prelude()}
      const outcomes = [
        await outcome(openAsync({ backend: "kernel", path, chunkSize: 17 })),
        await outcome(openAsync({ backend: "kernel", path, hardware: "yes" })),
        await outcome(openAsync({ backend: "kernel", path, workers: 257 })),
      ];
      say({ outcomes, left: held() });
    `);
    expect(result).toEqual({ outcomes: ["RangeError", "RangeError", "RangeError"], left: 0 });
  });

  test("closes the device of a terminated thread, and rejects its calls", () => {
    const result = runForJson<object>(`${prelude()}
      const device = await open(2);
      const [one, other] = [await device.hash("sha1"), await device.hash("sha1")];
      const [first] = threads;
      await first.terminate();
      const lost = await outcome(one.digest(new Uint8Array(3)));
      const kept = await outcome(other.digest(new Uint8Array(3)));
      for (let round = 0; round < 3000 && held() > 1; round += 1) await setTimeout(10);
      const between = held();
      await one.close();
      const [isLost, isKept] = [one.closed, !other.closed];
      const replaced = await outcome((await device.hash("sha1")).digest(new Uint8Array(3)));
      await device.close();
      say({ lost, kept, between, isLost, isKept, replaced, threads: threads.size, left: held() });
    `);
    expect(result).toEqual({
      lost: "ClosedError",
      kept: "done",
      between: 1,
      isLost: true,
      isKept: true,
      replaced: "done",
      threads: 3,
      left: 0,
    });
  });

  test("ends sessions and chunks that the program dropped without closing them", () => {
    const result = runForJson<object>(
      `${prelude()}
      import v8 from "node:v8";
      import vm from "node:vm";
      const collect = globalThis.Bun ? () => Bun.gc(true) : (globalThis.gc ?? (v8.setFlagsFromString("--expose-gc"), vm.runInNewContext("gc")));
      let ended = 0;
      onPost = (_, job) => (ended += job.kind === "close" ? 1 : 0);
      const device = await open(1);
      const aes = await device.cipher("aes-ctr", new Uint8Array(16));
      const drop = async () => {
        for (let count = 0; count < 10; count += 1) {
          await aes.encryptor(new Uint8Array(16));
          await (await device.hash("sha1")).digest(new Uint8Array(3));
        }
      };
      await drop();
      for (let round = 0; round < 3000 && ended < 10; round += 1) {
        collect();
        await setTimeout(20);
      }
      const kept = await outcome(aes.encrypt(new Uint8Array(3), new Uint8Array(16)));
      await device.close();
      say({ ended: ended >= 10, kept });
    `,
      { env: { DENO_V8_FLAGS: "--expose-gc" } },
    );
    expect(result).toEqual({ ended: true, kept: "done" });
  });

  test("closes the device of a thread that failed, and rejects its calls with that error", () => {
    const result = runForJson<object>(`${prelude()}
      const device = await open(1);
      const sha1 = await device.hash("sha1");
      const [thread] = threads;
      // Not a valid job: its "cancelled" is not the memory that the thread expects, so it fails.
      thread.postMessage({ kind: "call", cancelled: "none" });
      const lost = await outcome(sha1.digest(new Uint8Array(3)));
      await device.close();
      say({ lost, left: held() });
    `);
    expect(result).toEqual({ lost: "TypeError", left: 0 });
  });

  test("closes the device of a thread that was terminated during a system call after that call", () => {
    const result = runForJson<object>(`${prelude()}
      const device = await open(1);
      const sha1 = await device.hash("sha1");
      const [thread] = threads;
      // A server that does not answer. Bun's terminate() can wait for the thread, which waits for the server: another process
      // wakes it up in the end.
      const { spawn } = await import("node:child_process");
      process.kill(server, "SIGSTOP");
      await setTimeout(100);
      let during;
      let digest;
      let ended;
      let waking;
      try {
        digest = outcome(sha1.digest(new Uint8Array(3)));
        // Until the thread is in the system call, in which FUSE waits for the server.
        while (!isInCall()) await setTimeout(5);
        waking = spawn("sh", ["-c", "sleep 3; kill -CONT " + server], { stdio: "ignore" });
        const begun = performance.now();
        thread.terminate();
        ended = outcome(device.close());
        await setTimeout(300);
        // After it waited, nothing can be seen of the time during the call.
        during = performance.now() - begun > 2000 ? 1 : held();
      } finally {
        process.kill(server, "SIGCONT");
        waking?.kill();
      }
      say({ digest: await digest, ended: await ended, during, left: held() });
    `);
    expect(result).toEqual({ digest: "ClosedError", ended: "done", during: 1, left: 0 });
  });

  test("does not close the descriptor of a lost thread if its number belongs to another file by now", () => {
    const result = runForJson<object>(`${prelude()}
      import { closeSync, openSync } from "node:fs";
      const device = await open(1);
      const fd = readdirSync("/proc/self/fd").find((number) => targetOf(number) === path);
      const [thread] = threads;
      await device.close();
      const others = [];
      while (targetOf(fd) !== "/dev/null" && others.length < 100) others.push(openSync("/dev/null", "r"));
      thread?.terminate();
      await setTimeout(100);
      say({ target: targetOf(fd) });
    `);
    expect(result).toEqual({ target: "/dev/null" });
  });
});

const workspace = fileURLToPath(new URL("../.programs/", import.meta.url));

const PAGE = 4096;
/** How many bytes are searched at a time. */
const PIECE = 256 * PAGE;

/**
 * Reads memory.
 *
 * @returns 0 if it was unmapped meanwhile
 */
function readSome(memory: number, buffer: Buffer, size: number, at: number): number {
  try {
    return readSync(memory, buffer, 0, size, at);
  } catch {
    return 0;
  }
}

/** Counts how often the memory of a process contains these bytes. */
function countIn(pid: number, bytes: Uint8Array): number {
  const memory = openSync(`/proc/${pid}/mem`, "r");
  const pages = openSync(`/proc/${pid}/pagemap`, "r");
  const buffer = Buffer.alloc(PIECE);
  const entries = Buffer.alloc((PIECE / PAGE) * 8);
  let count = 0;
  for (const line of readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
    const [, from = "", to = ""] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    const end = Number.parseInt(to, 16);
    for (let at = Number.parseInt(from, 16); at < end; at += PIECE) {
      // Most reserved memory is never touched. The highest bits of an entry say whether its page is in memory or in
      // swap.
      const known = readSync(pages, entries, 0, entries.length, (at / PAGE) * 8);
      const isTouched = entries.subarray(0, known).some((byte, index) => index % 8 === 7 && byte >= 0x40);
      const size = isTouched ? readSome(memory, buffer, Math.min(PIECE, end - at), at) : 0;
      for (let found = -1; ; count += 1) {
        found = buffer.subarray(0, size).indexOf(bytes, found + 1);
        if (found < 0) break;
      }
    }
  }
  closeSync(memory);
  closeSync(pages);
  return count;
}

/**
 * Runs a program that waits after each line that it prints, and searches its memory then.
 *
 * @returns the counts, by line
 */
async function countKeys(code: string, key: Uint8Array): Promise<Record<string, number>> {
  mkdirSync(workspace, { recursive: true });
  const own = mkdtempSync(join(workspace, "scan-"));
  const file = join(own, "program.mjs");
  writeFileSync(file, code);
  const args = runtimeName === "Deno" ? ["run", "-A", file] : [file];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const closed = once(child, "close");
  const counts: Record<string, number> = {};
  for await (const line of createInterface({ input: child.stdout })) {
    counts[line] = countIn(child.pid as number, key);
    child.stdin.write("\n");
  }
  await closed;
  rmSync(own, { recursive: true });
  return counts;
}

const key = Uint8Array.from({ length: 32 }, (_, index) => (index * 37 + 11) & 255);

describe.runIf(canServe)("a copy of a key", () => {
  const scanned = (): string => `${prelude()}
    import { once } from "node:events";
    const key = new Uint8Array(new ArrayBuffer(32));
    const fill = () => { for (let index = 0; index < 32; index += 1) key[index] = (index * 37 + 11) & 255; };
    const look = async (name) => {
      console.log(name);
      await once(process.stdin, "data");
    };
    fill();
    await look("the key itself");
  `;

  test("is not left in the process after the session starts, or after close()", async () => {
    const code = `${scanned()}
      const device = await open(2);
      const sessions = [];
      for (const name of ["aes-cbc", "aes-256-ctr"]) {
        const starting = device.cipher(name, key);
        const others = [device.hmac("sha256", key), device.aead("aes-gcm", key, { tagSize: 12 })];
        sessions.push(await starting, ...(await Promise.all(others)));
      }
      const keys = { key, macKey: key };
      sessions.push(
        await (await device.hmac("sha1", key)).copy(key),
        await device.cipherWithMac({ cipher: "aes-cbc", mac: "hmac-sha1", ...keys }),
        await device.tls({ cipher: "aes-cbc", mac: "sha1", ...keys }),
        await device.srtp({ cipher: "aes-ctr", mac: "sha1", ...keys }),
      );
      await outcome(device.cipher("aes-128-cbc", key));
      await outcome(device.cipher(1, key));
      await outcome(device.tls({ cipher: "aes-cbc", mac: "sha1", key, macKey: "text" }));
      await outcome(device.aead("aes-gcm", key, { tagSize: 3 }));
      await sessions[0].encrypt(new Uint8Array(64), new Uint8Array(16));
      key.fill(0);
      await look("with sessions");
      await device.close();
      await look("after close()");
      process.exit();
    `;
    expect(await countKeys(code, key)).toEqual({ "the key itself": 1, "with sessions": 0, "after close()": 0 });
  });

  test("is not left if the thread ends before it gets the key, or if posting throws", async () => {
    const code = `${scanned()}
      let device = await open(1);
      onPost = (thread) => thread.terminate();
      const lost = outcome(device.cipher("aes-cbc", key));
      const names = [await lost, await outcome(device.hmac("sha256", key))];
      onPost = () => {};
      await device.close();
      device = await open(1);
      onPost = () => { throw new Error("not posted"); };
      names.push(await outcome(device.cipher("aes-cbc", key)));
      onPost = () => {};
      await device.close();
      names.push(await outcome(device.cipher("aes-cbc", key)));
      key.fill(0);
      await look(names.join());
      process.exit();
    `;
    expect(await countKeys(code, key)).toEqual({
      "the key itself": 1,
      "ClosedError,ClosedError,Error,ClosedError": 0,
    });
  });
});
