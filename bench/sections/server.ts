import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { Bench, type Runtime } from "../bench.ts";
import type { Row } from "../report.ts";
import type { Summary } from "../statistics.ts";

async function serve(
  { command }: Runtime,
  ...args: readonly string[]
): Promise<ChildProcessByStdio<null, Readable, null>> {
  const child = spawn(command[0] as string, [...command.slice(1), ...args], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return child;
}

/** A round trip to our server, beside one to a server that does nothing; and two callers at once. */
export async function server(bench: Bench, add: (row: Row) => void): Promise<void> {
  for (const [index, runtime] of bench.runtimes.entries()) {
    const who = runtime.name;
    const [ours, empty] = [join(bench.work, `ours-${index}`), join(bench.work, `empty-${index}`)];
    const serving = await serve(runtime, Bench.file("../../packages/cryptodev/dist/cli/main.js"), "serve", ours);
    const idling = await serve(runtime, Bench.file("empty_server.js"), empty);
    const [one, other, nobody] = await Promise.all([bench.startC(ours), bench.startC(ours), bench.startC(empty)]);

    const [pinged, base] = (await bench.interleave([one, nobody], "ping", 0)) as [Summary, Summary];
    const [short, copied] = (await bench.interleave([one, nobody], ["encrypt", "copy"], 16)) as [Summary, Summary];
    const { median: nothing, spread } = base;
    add({ what: "round trip to an empty file server", who, value: nothing / 1000, unit: "us", spread });
    const timesEmpty = (what: string, { median, spread }: Summary, limit?: Row["limit"]): void =>
      add({ what, who, value: median / nothing, unit: "x", spread, ...(limit && { limit }) });
    timesEmpty("a call without data, time of that", pinged, { most: 1.5 });
    timesEmpty("to encrypt 16 bytes, time of that", short, { most: 1.5 });
    const floor = (nothing + copied.median) / nothing;
    const what = "of which the round trip, and the kernel's copies of iv and data alone";
    add({ what, who, value: floor, unit: "x", spread: copied.spread });

    const [long] = (await bench.interleave([one], "encrypt", 2 ** 20)) as [Summary];
    const busy = one.round("encrypt", 2 ** 20, Math.ceil(2e9 / long.median));
    const beside = await other.round("encrypt", 16, Math.ceil(1e9 / long.median));
    await busy;
    const waiting = (beside - short.median) / long.median;
    const beside1Mi = "a short call beside another's of 1 MiB waits, time of the long one";
    add({ what: beside1Mi, who, value: waiting, unit: "x", limit: { most: 1.1 } });

    for (const participant of [one, other, nobody]) participant.stop();
    spawnSync("umount", ["-l", empty]);
    serving.kill("SIGTERM");
    await Promise.all([serving, idling].map((child) => (child.exitCode === null ? once(child, "close") : undefined)));
  }
}
