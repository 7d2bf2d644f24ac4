import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import process from "node:process";
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
} from "@cryptodev/core/abi";
import { nearest } from "@cryptodev/core/algorithms";
import {
  type CrashPolicy,
  makePrivateDev,
  makePrivateModule,
  type ServedFault,
  ServeError,
  Server,
} from "@cryptodev/serve";
import { Command, Option } from "commander";
import { withHelp, withValues } from "./described.ts";
import { exitCodes } from "./exit_codes.ts";
import { isEscaped } from "./file_name.ts";
import type { Library } from "./library.ts";
import { checkName, choiceOption } from "./names.ts";
import { log, say } from "./print.ts";
import { quoteName } from "./quote.ts";
import { runProgram } from "./run_program.ts";
import { endingSignals } from "./signals.ts";
import { UsageError } from "./usage_error.ts";

/** The options of `serve`. */
interface ServeFlags {
  readonly json?: true;
  readonly transport?: "fuse" | "cuse";
  readonly onCrash: CrashPolicy;
  readonly verbosity: "0" | "1" | "2";
  readonly stats?: true;
  readonly async?: true;
  readonly driver?: string;
  readonly alignmask: number;
  readonly lacks?: readonly string[];
  readonly fail?: readonly ServedFault[];
  readonly parameters?: string;
  readonly limit?: Limits;
  /** Set if this process runs in a namespace made for it; contains the caller's `uid:gid` if that is not root. */
  readonly inNamespace?: string | true;
}

/** What `--limit` can limit. */
const limits = ["sessions", "total-sessions", "total-jobs", "bytes", "total-bytes", "files"] as const;
type Limits = Readonly<Partial<Record<(typeof limits)[number], number>>>;

/** The calls that `--fail` accepts. */
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

/** The algorithms that `--lacks` accepts: those of the software device. */
const algorithms: readonly string[] = [
  ...Object.values<CipherAlgorithm>(ciphers).filter(({ kind }) => kind !== "record"),
  ...Object.values<MacAlgorithm>(macs),
]
  .filter(({ kernelName }) => kernelName !== undefined)
  .map(({ name }) => name);

function parseFault(text: string, before: readonly ServedFault[] = []): readonly ServedFault[] {
  const [code = "", call] = text.split("@");
  if (!Object.hasOwn(errnos, code)) {
    const meant = nearest(code, Object.keys(errnos));
    throw new UsageError(
      `--fail: expected the name of an error${meant === undefined ? ", such as ENOMEM" : `; did you mean ${meant}?`}`,
    );
  }
  if (call !== undefined) checkName("--fail: call", call, calls);
  return [...before, { code: code as ErrnoName, ...(call === undefined ? {} : { call }) }];
}

function parseLimit(text: string, before: Limits = {}): Limits {
  const [name = "", count = ""] = text.split("=");
  checkName("--limit", name, limits);
  if (!/^\d{1,15}$/.test(count)) throw new UsageError(`--limit: expected ${name}=<number>`);
  return { ...before, [name]: Number(count) };
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
  $ cryptodev serve                            # /dev/crypto, until it is stopped; requires root
  $ cryptodev serve -- npm test                # for one program only; does not require root
  $ cryptodev serve /tmp/crypto --stats        # another path; statistics on SIGUSR1 (Deno: SIGUSR2)
  $ cryptodev serve --on-crash fail -- ./prog  # fails if a call would crash a kernel
`;

const footer = `
Exit status: that of the program, if there is one; otherwise 0 if it was stopped; 1 if the device
could not be served; 2 if the command line is wrong; 3 if --on-crash fail ended it; 126 if the
program cannot be run, 127 if it does not exist.
`;

/**
 * Creates the command `cryptodev serve`.
 *
 * @param program - a program and its arguments, which follow `--` on the command line
 */
export function serveCommand(library: Library, program: readonly string[]): Command {
  return withHelp(new Command("serve"), { examples, footer })
    .description("Serves the software device as a file that any program can open")
    .argument("[path]", "path of the served device", "/dev/crypto")
    .usage("[options] [path] [-- program args...]")
    .addOption(choiceOption("--transport <name>", "the transport (default: CUSE if available)", ["fuse", "cuse"]))
    .addOption(
      choiceOption("--on-crash <policy>", "what to do about a call that would crash a kernel", [
        "refuse",
        "kill",
        "fail",
      ]).default("refuse"),
    )
    .addOption(
      choiceOption("--verbosity <level>", "what is logged: 0 nothing, 1 why calls are refused, 2 every call", [
        "0",
        "1",
        "2",
      ]).default("0"),
    )
    .option("--stats", "collect statistics of sessions")
    .option("--async", "support CIOCASYNCCRYPT and CIOCASYNCFETCH, as a driver built with ENABLE_ASYNC does")
    .option("--driver <name>", "simulate hardware with a driver of this name")
    .option("--alignmask <mask>", "simulate a driver that needs data at multiples of <mask> + 1", parseMask, 0)
    .addOption(
      withValues(
        new Option("--lacks <algorithm>", "omit an algorithm, such as aes-gcm (repeatable)"),
        algorithms,
      ).argParser(parseLack),
    )
    .option(
      "--fail <error[@call]>",
      "make the next call, or the next call of that name, fail with this error (repeatable)",
      parseFault,
    )
    .option("--limit <what=count>", `limit ${limits.join(", ")} (repeatable)`, parseLimit)
    .option("--parameters <folder>", "folder with the files that change verbosity and enable_stats at run time")
    .option("--json", "print events as JSON lines")
    .addOption(new Option("--in-namespace [owner]").hideHelp())
    .action(async (path: string, flags: ServeFlags) => {
      if (!path.includes("/")) {
        const file = quoteName(path);
        throw new UsageError(
          `path: expected one with a "/" in it, such as ./${file}; did you mean \`serve -- ${file}\`?`,
        );
      }
      if (isEscaped(path)) throw new UsageError("path: expected UTF-8, because no other name can be mounted");
      const isOutside = program.length > 0 && flags.inNamespace === undefined;
      process.exitCode = await (isOutside ? inNamespace(library) : serve(path, program, flags));
    });
}

function parseLack(name: string, before: readonly string[] = []): readonly string[] {
  checkName("--lacks", name, algorithms);
  return [...before, name];
}

/** Omits the properties that are `undefined`. */
function optional(properties: Readonly<Record<string, number | undefined>>): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(properties).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}

/** Runs this command again, in namespaces in which it may mount. */
async function inNamespace({ file }: Library): Promise<number> {
  const isRoot = process.getuid?.() === 0;
  const owner = isRoot ? "root" : `${process.getuid?.()}:${process.getgid?.()}`;
  const self = process.argv.slice(2);
  // `deno run` is a subcommand of the executable, and needs its permissions again.
  const runtime = "Deno" in globalThis ? [process.execPath, "run", "-A"] : [process.execPath, ...process.execArgv];
  const args = [...self.slice(0, 1), `--in-namespace=${owner}`, ...self.slice(1)];
  const enter = ["unshare", ...(isRoot ? [] : ["--user", "--map-root-user"]), "--mount", "--"];
  const [unshare = "", ...options] = [...enter, ...leaveAs(owner), "true"];
  const { error, stderr } = spawnSync(unshare, options, { encoding: "utf8" });
  if (error !== undefined || stderr !== "") {
    const [reason = ""] = (error?.message ?? stderr.trim()).split("\n");
    // BusyBox's unshare(1) does not have all options.
    const remedy =
      error !== undefined || /option/.test(reason)
        ? "install unshare(1) of util-linux"
        : "run this as root, or allow user namespaces: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu";
    throw new ServeError(`a private /dev requires a namespace, which cannot be created (${reason}); ${remedy}`);
  }
  return runProgram([...enter, ...runtime, file, ...args]);
}

/**
 * Returns the command before a program that is to run in the namespace as the user who called us.
 *
 * @param owner - `uid:gid`, or anything else for root, who needs no such command
 */
function leaveAs(owner: string): readonly string[] {
  const [uid, gid] = owner.split(":");
  return gid === undefined ? [] : ["unshare", "--user", `--map-user=${uid}`, `--map-group=${gid}`, "--"];
}

/** The signal that prints statistics. In Deno, SIGUSR1 opens the debugger. */
const askingSignal = "Deno" in globalThis ? "SIGUSR2" : "SIGUSR1";

/**
 * Serves until it is stopped or the program ends.
 *
 * @returns the exit status
 */
async function serve(path: string, command: readonly string[], flags: ServeFlags): Promise<number> {
  const isPrivate = flags.inNamespace !== undefined;
  if (isPrivate && path.startsWith("/dev/")) makePrivateDev(path);
  const folder = flags.parameters ?? (isPrivate ? moduleFolder(path) : publicFolders[path]);
  const { json, transport, onCrash, stats = false, async = false, driver, alignmask } = flags;
  const { lacks = [], fail = [], limit = {} } = flags;
  const verbosity = Number(flags.verbosity) as 0 | 1 | 2;
  const pretended = driver === undefined ? {} : { driver, hardware: true };
  const server = await Server.start({
    path,
    // A character device would be visible to everybody, in every namespace.
    ...(command.length > 0 ? { transport: "fuse" } : transport === undefined ? {} : { transport }),
    onCrash,
    faults: fail,
    ...optional({ files: limit.files }),
    device: {
      ...optional({
        sessions: limit.sessions,
        totalSessions: limit["total-sessions"],
        totalJobs: limit["total-jobs"],
        bytes: limit.bytes,
        totalBytes: limit["total-bytes"],
      }),
      verbosity,
      enableStats: stats,
      async,
      alignmask,
      lacks,
      ...pretended,
    },
  });
  // Standard output belongs to the program.
  const descriptor = command.length > 0 ? 2 : 1;
  const tell = (event: string, text: string, more: object): void => {
    log(`${json ? JSON.stringify({ event, ...more }) : `cryptodev: ${text}`}\n`, descriptor);
  };
  process.on(askingSignal, () => {
    const now = server.statistics();
    const { files, sessions, calls, refused, crashes, encrypted, decrypted } = now;
    const bytes = stats ? `; ended sessions encrypted ${encrypted} bytes and decrypted ${decrypted}` : "";
    tell(
      "statistics",
      `${files} files and ${sessions} sessions open, ${calls} calls, ${refused} refused, ${crashes} that would crash a kernel${bytes}`,
      now,
    );
  });

  // Programs can do without these.
  const extras = [
    ...(command.length > 0 ? [server.cloneForChildren()] : []),
    ...(folder === undefined ? [] : [server.serveParameters(folder)]),
  ];
  for (const result of await Promise.allSettled(extras)) {
    if (result.status === "fulfilled") continue;
    if (!(result.reason instanceof ServeError)) throw result.reason;
    say(result.reason.message);
  }
  let status = 0;
  if (command.length > 0) {
    status = await runBeside(server, command, flags);
    await stop(server);
  } else {
    for (const signal of endingSignals) process.on(signal, () => void stop(server));
    tell("ready", `serving ${quoteName(server.path)} over ${server.transport.toUpperCase()}`, {
      path: server.path,
      transport: server.transport,
      pid: process.pid,
    });
  }
  const end = await server.ended.catch(abandon);
  if (end === "crash") return exitCodes.crash;
  if (end === "gone") say(`${quoteName(server.path)} was unmounted from outside`);
  return status;
}

/** The folder for the parameters of a device that is served to everybody, by its path. */
const publicFolders: Readonly<Record<string, string>> = { "/dev/crypto": "/run/cryptodev" };

/**
 * Creates the folder for the parameters of the device: that of the module, or in a container that does not permit this,
 * one in the private `/dev`.
 *
 * @returns `undefined` if there is none
 */
function moduleFolder(path: string): string | undefined {
  try {
    return makePrivateModule();
  } catch (error) {
    if (!(error instanceof ServeError)) throw error;
    const folder = "/dev/cryptodev";
    const isPossible = path.startsWith("/dev/");
    say(`${error.message}; parameters of the device are ${isPossible ? `in ${folder}` : "not available"}`);
    if (isPossible) mkdirSync(folder);
    return isPossible ? folder : undefined;
  }
}

/**
 * Stops a server. If its thread cannot be reached, only a signal can end this process; the guard process then cleans
 * up.
 */
async function stop(server: Server): Promise<void> {
  await server.stop().catch(abandon);
}

/** Ends this process after an error of a server. */
function abandon(error: unknown): never {
  if (!(error instanceof ServeError)) throw error;
  say(error.message);
  // Its thread cannot be ended, and so every other way to exit would wait for it.
  process.kill(process.pid, "SIGKILL");
  throw error;
}

/** Runs a program next to the server, as the user who called us. It is ended early if the server ends. */
function runBeside(server: Server, command: readonly string[], { inNamespace }: ServeFlags): Promise<number> {
  return runProgram([...leaveAs(String(inNamespace)), ...command], { until: server.ended, except: askingSignal });
}
