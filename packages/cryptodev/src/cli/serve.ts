import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type HazardPolicy, makePrivateDev, type ServedFault, ServeError, Server } from "@cryptodev/serve";
import { Command, Option } from "commander";
import {
  CIOCASYMFEAT,
  CIOCASYNCCRYPT,
  CIOCASYNCFETCH,
  CIOCAUTHCRYPT,
  CIOCCPHASH,
  CIOCCRYPT,
  CIOCFSESSION,
  CIOCGSESSINFO,
  CIOCGSESSION,
  type CipherAlgorithm,
  CRIOGET,
  ciphers,
  type ErrnoName,
  errnos,
  type MacAlgorithm,
  macs,
  nearest,
} from "cryptodev";
import { exitCodes } from "./exit_codes.ts";
import { checkName } from "./names.ts";
import { log, say } from "./print.ts";
import { quoteName } from "./quote.ts";
import { endingSignals, runProgram } from "./run_program.ts";
import { UsageError } from "./usage_error.ts";

/** The command line of `serve`, as it was given. */
interface ServeFlags {
  readonly json?: true;
  readonly carrier?: "fuse" | "cuse";
  readonly onHazard: HazardPolicy;
  readonly verbosity: "0" | "1" | "2";
  readonly stats?: true;
  readonly async?: true;
  readonly driver?: string;
  readonly alignmask: number;
  readonly lacks: readonly string[];
  readonly fail: readonly ServedFault[];
  /** We are in a namespace that was made for us; on whose behalf, as `uid:gid`, where that is not root. */
  readonly inNamespace?: string | true;
}

/** What can fail. */
const calls: readonly string[] = [
  "open",
  ...[
    CRIOGET,
    CIOCGSESSION,
    CIOCFSESSION,
    CIOCGSESSINFO,
    CIOCCRYPT,
    CIOCAUTHCRYPT,
    CIOCASYMFEAT,
    CIOCCPHASH,
    CIOCASYNCCRYPT,
    CIOCASYNCFETCH,
  ].map(({ name }) => name),
];

/** What the software device has, and so can lack. */
const algorithms: readonly string[] = [
  ...Object.values<CipherAlgorithm>(ciphers).filter(({ kind }) => kind !== "record"),
  ...Object.values<MacAlgorithm>(macs),
]
  .filter(({ kernelName }) => kernelName !== undefined)
  .map(({ name }) => name);

function parseFault(text: string, before: readonly ServedFault[]): readonly ServedFault[] {
  const [code = "", call] = text.split("@");
  if (!Object.hasOwn(errnos, code)) {
    const meant = nearest(code, Object.keys(errnos));
    throw new UsageError(
      `--fail: expected an error such as ENOMEM${meant === undefined ? "" : `; did you mean ${meant}?`}`,
    );
  }
  if (call !== undefined) checkName("--fail: call", call, calls);
  return [...before, { code: code as ErrnoName, ...(call === undefined ? {} : { call }) }];
}

function parseMask(text: string): number {
  const mask = Number(text);
  if (!Number.isInteger(mask) || mask < 0 || mask > 0xffff || (mask & (mask + 1)) !== 0) {
    throw new UsageError("--alignmask: expected one less than a power of two, at most 65535");
  }
  return mask;
}

const examples = `
Examples:
  $ cryptodev serve                            # /dev/crypto, until it is stopped; takes root
  $ cryptodev serve -- npm test                # for one program alone, which needs no root
  $ cryptodev serve /tmp/crypto --stats        # elsewhere, with statistics on SIGUSR1 (Deno: SIGUSR2)
  $ cryptodev serve --on-hazard fail -- ./prog # fails where a kernel would have crashed
`;

const footer = `
Exit status: that of the program, if one was given. Else 0 when it was stopped, 1 when the device could not be served,
2 for a wrong command line, 3 when a hazard ended it, 126 and 127 for a program that cannot be run or is not there.
`;

/**
 * `cryptodev serve`.
 *
 * @param program - what stood after `--`: a program and its arguments
 */
export function serveCommand(program: readonly string[]): Command {
  return new Command("serve")
    .description("Serves the software device as a file that any program can open")
    .addHelpText("before", examples)
    .addHelpText("after", footer)
    .argument("[path]", "where the device is to be", "/dev/crypto")
    .usage("[options] [path] [-- program args...]")
    .addOption(
      new Option("--carrier <name>", "what carries the calls; CUSE where there is one").choices(["fuse", "cuse"]),
    )
    .addOption(
      new Option("--on-hazard <policy>", "what becomes of a call that a kernel would not survive")
        .choices(["refuse", "kill", "fail"])
        .default("refuse"),
    )
    .addOption(
      new Option("--verbosity <level>", "what is logged: nothing, why calls are refused, every call")
        .choices(["0", "1", "2"])
        .default("0"),
    )
    .option("--stats", "count what sessions do")
    .option("--async", "have CIOCASYNCCRYPT and CIOCASYNCFETCH, as a driver built with ENABLE_ASYNC")
    .option("--driver <name>", "pretend to be hardware, with drivers of this name")
    .option("--alignmask <mask>", "pretend that data must be aligned to one more than this", parseMask, 0)
    .option("--lacks <algorithm>", "be without an algorithm, such as aes-gcm (repeatable)", parseLack, [])
    .option("--fail <error[@call]>", "fail the next such call, as ENOMEM@CIOCGSESSION (repeatable)", parseFault, [])
    .option("--json", "print events as lines of JSON")
    .addOption(new Option("--in-namespace [owner]").hideHelp())
    .action(async (path: string, flags: ServeFlags) => {
      if (!path.includes("/")) {
        const file = quoteName(path);
        throw new UsageError(
          `path: expected one with a "/" in it, such as ./${file}; did you mean \`serve -- ${file}\`?`,
        );
      }
      const isOutside = program.length > 0 && flags.inNamespace === undefined;
      process.exitCode = await (isOutside ? inNamespace() : serve(path, program, flags));
    });
}

function parseLack(name: string, before: readonly string[]): readonly string[] {
  checkName("--lacks", name, algorithms);
  return [...before, name];
}

/** Runs this very command once more, in namespaces where it may mount. */
async function inNamespace(): Promise<number> {
  const isRoot = process.getuid?.() === 0;
  const owner = isRoot ? "root" : `${process.getuid?.()}:${process.getgid?.()}`;
  const self = process.argv.slice(2);
  // "Deno run" is no program of its own, and needs its permissions once more.
  const runtime = "Deno" in globalThis ? [process.execPath, "run", "-A"] : [process.execPath, ...process.execArgv];
  const args = [...self.slice(0, 1), `--in-namespace=${owner}`, ...self.slice(1)];
  const namespaces = isRoot ? ["--mount"] : ["--user", "--map-root-user", "--mount"];
  const { error, stderr } = spawnSync("unshare", [...namespaces, "true"], { encoding: "utf8" });
  if (error !== undefined || stderr !== "") {
    throw new ServeError(
      `a private /dev takes a namespace, and none is to be had (${error?.message ?? stderr.trim()}); run this as root, or allow user namespaces: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu`,
    );
  }
  const main = fileURLToPath(new URL("./main.js", import.meta.url));
  return runProgram(["unshare", ...namespaces, "--", ...runtime, main, ...args]);
}

/** Has the statistics printed. Deno opens its debugger at the usual one. */
const askingSignal = "Deno" in globalThis ? "SIGUSR2" : "SIGUSR1";

/** Serves, until stopped or until the program ends. @returns the exit status */
async function serve(path: string, command: readonly string[], flags: ServeFlags): Promise<number> {
  if (flags.inNamespace !== undefined && path.startsWith("/dev/")) await makePrivateDev();
  const { json, carrier, onHazard, stats = false, async = false, driver, alignmask, lacks, fail } = flags;
  const verbosity = Number(flags.verbosity) as 0 | 1 | 2;
  const pretended = driver === undefined ? {} : { driver, hardware: true };
  const server = await Server.start({
    path,
    // A character device would be seen by everybody, whatever the namespace.
    ...(command.length > 0 ? { carrier: "fuse" } : carrier === undefined ? {} : { carrier }),
    onHazard,
    faults: fail,
    device: { verbosity, enableStats: stats, async, alignmask, lacks, ...pretended },
  });
  // Standard output is the program's.
  const descriptor = command.length > 0 ? 2 : 1;
  const tell = (event: string, text: string, more: object): void => {
    log(`${json ? JSON.stringify({ event, ...more }) : `cryptodev: ${text}`}\n`, descriptor);
  };
  process.on(askingSignal, () => {
    const now = server.statistics();
    const { files, sessions, calls, refused, hazards, encrypted, decrypted } = now;
    const bytes = stats ? `; ended sessions encrypted ${encrypted} bytes and decrypted ${decrypted}` : "";
    tell(
      "statistics",
      `${files} files and ${sessions} sessions open, ${calls} calls, ${refused} refused, ${hazards} hazards${bytes}`,
      now,
    );
  });

  let status = 0;
  if (command.length > 0) {
    status = await runBeside(server, command, flags);
    await stop(server);
  } else {
    for (const signal of endingSignals) process.on(signal, () => void stop(server));
    tell("ready", `serving ${quoteName(server.path)} over ${server.carrier.toUpperCase()}`, {
      path: server.path,
      carrier: server.carrier,
      pid: process.pid,
    });
  }
  const end = await server.ended;
  if (end === "hazard") return exitCodes.hazard;
  if (end === "gone") say(`${quoteName(server.path)} was unmounted by somebody else`);
  return status;
}

/** Stops a server. Where its thread cannot be reached, nothing but a signal ends us, and others clean up after us. */
async function stop(server: Server): Promise<void> {
  try {
    await server.stop();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.kill(process.pid, "SIGKILL");
  }
}

/** Runs a program beside the server, as whom we were called by. It ends early where the server does. */
function runBeside(server: Server, command: readonly string[], { inNamespace }: ServeFlags): Promise<number> {
  const [uid, gid] = String(inNamespace).split(":");
  const drop = gid === undefined ? [] : ["unshare", "--user", `--map-user=${uid}`, `--map-group=${gid}`, "--"];
  return runProgram([...drop, ...command], { until: server.ended });
}
