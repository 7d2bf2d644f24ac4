import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import process from "node:process";
import { inheritedDescriptors } from "./descriptor.ts";
import { exitCodes } from "./exit_codes.ts";
import { type FileError, fileError } from "./file_error.ts";
import { isEscaped, pathOf } from "./file_name.ts";
import { messageOf } from "./nearest_file.ts";
import { say } from "./print.ts";
import { quoteName } from "./quote.ts";
import { fatalSignals, isOfTerminal } from "./signals.ts";
import { UsageError } from "./usage_error.ts";

/** The signals that are passed on. Without a listener, SIGUSR1 would start the debugger of this process. */
const passedSignals = [...fatalSignals, "SIGUSR1"] as const;

/** Taken when this module is loaded, before a server opens descriptors of its own. */
const inherited = inheritedDescriptors();

/**
 * The standard streams, and the descriptors that our parent process opened, each under its own number. Deno passes on
 * the latter by itself.
 */
function inheritedStreams(): StdioOptions {
  const streams: ("inherit" | "ignore" | number)[] = ["inherit", "inherit", "inherit"];
  if ("Deno" in globalThis) return streams;
  // A number without a descriptor remains unused.
  while (streams.length <= Math.max(...inherited)) streams.push("ignore");
  for (const descriptor of inherited) streams[descriptor] = descriptor;
  return streams;
}

/** Does not use `child.kill`: Deno then reports the child as killed, even if it handled the signal. */
function send(child: ChildProcess | undefined, signal: NodeJS.Signals): void {
  if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(child.pid, signal);
}

/** Says why a program cannot be run. A name without a "/" is searched in the folders of `$PATH`. */
function reasonOf(file: string, error: FileError): string {
  if (error.code !== "ENOENT" || file.includes("/")) return messageOf(error);
  const hint = existsSync(pathOf(file)) ? `did you mean ./${quoteName(file)}?` : "it is not in a folder of $PATH";
  return `${error.message}; ${hint}`;
}

/** Options of {@link runProgram}. */
export interface RunOptions {
  /** Variables that are added to our own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** When this settles, the program is ended with SIGTERM. */
  readonly until?: Promise<unknown>;
  /** A signal that is not passed on, because it is meant for us. */
  readonly except?: NodeJS.Signals;
}

/**
 * Runs a program with our own standard streams and the other descriptors that we inherited, and passes on the signals
 * that would end us.
 *
 * @param command - the program and its arguments
 * @returns its exit status, as a shell reports it
 */
export async function runProgram(command: readonly string[], { env, until, except }: RunOptions = {}): Promise<number> {
  if (command.some(isEscaped)) {
    throw new UsageError("the program and its arguments: expected UTF-8, because no other bytes can be passed on");
  }
  const [file = "", ...args] = command;
  let child: ChildProcess | undefined;
  const pass = (signal: NodeJS.Signals): void => {
    if (!isOfTerminal(signal)) send(child, signal);
  };
  const signals = passedSignals.filter((signal) => signal !== except);
  // Listen before the program starts: a signal that ended us right after the start would leave it behind.
  for (const signal of signals) process.on(signal, pass);
  try {
    child = spawn(file, args, { stdio: inheritedStreams(), env: { ...process.env, ...env } });
    const end = (): void => send(child, "SIGTERM");
    until?.then(end, end);
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return signal === null ? (code ?? exitCodes.failure) : 128 + (constants.signals[signal] ?? 0);
  } catch (error) {
    const failure = fileError(file, error);
    say(reasonOf(file, failure));
    return failure.code === "ENOENT" ? exitCodes.notFound : exitCodes.notExecutable;
  } finally {
    for (const signal of signals) process.off(signal, pass);
  }
}
