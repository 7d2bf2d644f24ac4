import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { type Machine, machineOf } from "@cryptodev/core/abi";
import type { Host } from "@cryptodev/core/host";
import { KernelCrashError, SoftwareHost, type SoftwareHostOptions } from "@cryptodev/soft";
import { afterAll, afterEach, beforeEach } from "vitest";
import { cliPath } from "./cli_path.ts";
import { can, isUsed } from "./needs.ts";
import { patience, realHost, runtimeName } from "./runtime.ts";

/* The software device, in each way that a program can reach it. */

/** The traits that a test can request of a device. */
export type DeviceTraits = Pick<
  SoftwareHostOptions,
  "async" | "verbosity" | "enableStats" | "alignmask" | "hardware" | "driver"
> & { readonly lacks?: readonly string[] };

/** A device that a test has reached. */
export interface Reached {
  readonly host: Host;
  readonly path: string;
  /** Sends a call that would crash a kernel. @returns the rule that it broke; `undefined` if the device handled it */
  crashOf(send: () => { readonly errno?: string }): Promise<string | undefined>;
}

/** One way to a device. */
export interface Way {
  readonly name: string;
  /** Whether the device accesses real memory, in which nothing ends at the bounds of a view. */
  readonly isServed: boolean;
  reach(traits?: DeviceTraits): Promise<Reached>;
}

function inProcess(machine: Machine, name: string): Way {
  return {
    name,
    isServed: false,
    async reach(traits) {
      return {
        host: new SoftwareHost({ ...traits, machine }),
        path: "/dev/crypto",
        async crashOf(send) {
          try {
            send();
            return undefined;
          } catch (error) {
            if (error instanceof KernelCrashError) return error.rule;
            throw error;
          }
        },
      };
    },
  };
}

/** The command `cryptodev`, in this runtime. */
export const command: readonly [string, ...string[]] =
  runtimeName === "Deno" ? [process.execPath, "run", "-A", cliPath] : [process.execPath, cliPath];

/** A server in a process of its own. */
export class ServedDevice {
  readonly path: string;
  readonly process: ChildProcess;
  /** The lines that it wrote to standard error so far. */
  readonly log: string[] = [];

  private constructor(path: string, flags: readonly string[]) {
    this.path = path;
    const [file, ...args] = command;
    this.process = spawn(file, [...args, "serve", path, "--json", ...flags], { stdio: ["ignore", "pipe", "pipe"] });
    createInterface({ input: this.process.stderr as NodeJS.ReadableStream }).on("line", (line) => this.log.push(line));
  }

  /** Starts a server, and waits until it is ready. */
  static async start(path: string, flags: readonly string[] = []): Promise<ServedDevice> {
    const served = new ServedDevice(path, flags);
    const lines = createInterface({ input: served.process.stdout as NodeJS.ReadableStream });
    const ready = once(lines, "line").then(([line]) => String(line));
    const line = await Promise.race([ready, once(served.process, "close").then(() => "")]);
    if (line === "" || JSON.parse(line).event !== "ready") {
      throw new Error(`the server did not start: ${line}\n${served.log.join("\n")}`);
    }
    return served;
  }

  /** Waits until the log has `count` lines more than `since`. @returns these lines */
  async logged(since: number, count = 1): Promise<readonly string[]> {
    const late = performance.now() + patience.timeout;
    while (this.log.length < since + count && performance.now() < late) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return this.log.slice(since);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return this.process.exitCode;
    const closed = once(this.process, "close");
    this.send(signal);
    return (await closed)[0];
  }

  /**
   * Sends a signal. `process.kill()` of the child is avoided, because Deno then considers it killed even if it handled
   * the signal.
   */
  send(signal: NodeJS.Signals): void {
    process.kill(this.process.pid as number, signal);
  }
}

/**
 * Gives each test of a suite a folder of its own. After the test its devices are stopped and the folder is removed.
 *
 * @param begin - receives the folder, and returns the path at which to serve
 * @returns starts a server at that path
 */
export function inFolders(begin: (folder: string) => string): (...flags: string[]) => Promise<ServedDevice> {
  const running: ServedDevice[] = [];
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cryptodev-serve-"));
    path = begin(folder);
  });
  afterEach(async () => {
    for (const served of running.splice(0)) await served.stop();
    rmSync(folder, { recursive: true });
  });
  return async (...flags) => {
    const served = await ServedDevice.start(path, flags);
    running.push(served);
    return served;
  };
}

function flagsOf({ async, verbosity, enableStats, alignmask, hardware, driver, lacks = [] }: DeviceTraits): string[] {
  return [
    ...(async ? ["--async"] : []),
    ...(enableStats ? ["--stats"] : []),
    ...(verbosity === undefined ? [] : ["--verbosity", String(verbosity)]),
    ...(alignmask === undefined ? [] : ["--alignmask", String(alignmask)]),
    ...(hardware || driver !== undefined ? ["--driver", driver ?? "engine"] : []),
    ...lacks.flatMap((name) => ["--lacks", name]),
  ];
}

/** The transport of a served device, and the paths at which it can serve. */
interface Carriage {
  readonly name: string;
  readonly flags: readonly string[];
  pathOf(count: number): string;
  /** Removes what it created for the paths. */
  remove(): void;
}

function asFile(): Carriage {
  let folder: string | undefined;
  return {
    name: "served as a file",
    flags: ["--transport", "fuse"],
    pathOf(count) {
      folder ??= mkdtempSync(join(tmpdir(), "cryptodev-served-"));
      return join(folder, `crypto${count}`);
    },
    remove() {
      if (folder !== undefined) rmSync(folder, { recursive: true });
    },
  };
}

const asCharacterDevice: Carriage = {
  name: "served as a character device",
  flags: ["--transport", "cuse"],
  pathOf: (count) => `/dev/crypto-test-${process.pid}-${count}`,
  remove() {},
};

/** Creates a way to served devices: one server for each set of traits, until the test file ends. */
async function through({ name, flags: transport, pathOf, remove }: Carriage): Promise<Way> {
  const host = await realHost();
  const servers = new Map<string, Promise<ServedDevice>>();
  afterAll(async () => {
    for (const server of servers.values()) await (await server).stop();
    remove();
  });
  return {
    name,
    isServed: true,
    async reach(traits = {}) {
      const flags = [...transport, ...flagsOf(traits)];
      const key = flags.join(" ");
      let starting = servers.get(key);
      if (starting === undefined) {
        starting = ServedDevice.start(pathOf(servers.size), flags);
        servers.set(key, starting);
      }
      const server = await starting;
      return {
        host,
        path: server.path,
        async crashOf(send) {
          const since = server.log.length;
          if (send().errno !== "ENOTRECOVERABLE") return undefined;
          const [line = ""] = await server.logged(since);
          return /crash (\S+) by thread \d+/.exec(line)?.[1];
        },
      };
    },
  };
}

/**
 * Whether devices can be served here. If not, tests that need one are skipped, and `REQUIRE_FUSE` makes that a failure.
 */
export const canServe: boolean = can("FUSE");

/**
 * Whether a real character device can be served: most machines have no CUSE. `npm run test:vm` starts one that has it.
 */
export const canServeCharacterDevice: boolean = can("CUSE");

/** The software device in process, in the ABI of the given architecture. */
export const inProcessAs = (arch: string): Way => inProcess(machineOf(arch) as Machine, `in process, ABI of ${arch}`);

/** Every way to the software device that this machine has, if `WAYS` does not select some. */
export const ways: readonly Way[] = [
  ...(isUsed("process") ? [inProcessAs("x86_64")] : []),
  ...(canServe ? [await through(asFile())] : []),
  ...(canServeCharacterDevice ? [await through(asCharacterDevice)] : []),
];
