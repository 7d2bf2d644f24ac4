import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import process from "node:process";
import { exitCodes } from "./exit_codes.ts";
import { say } from "./print.ts";
import { quoteName } from "./quote.ts";

/** What is to end a command, and with it the program that it runs. */
export const endingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Not `child.kill`: Deno then takes the child for killed, whatever it made of the signal. */
function send(child: ChildProcess | undefined, signal: NodeJS.Signals): void {
  if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(child.pid, signal);
}

/** How a program is run. */
export interface RunOptions {
  /** What is in its environment besides our own. */
  readonly env?: Readonly<Record<string, string>>;
  /** The program is asked to end when this settles. */
  readonly until?: Promise<unknown>;
}

/**
 * Runs a program with our own standard streams, and passes on what would end us.
 *
 * @param command - the program and its arguments
 * @returns its exit status, as a shell tells it
 */
export async function runProgram(command: readonly string[], { env, until }: RunOptions = {}): Promise<number> {
  const [file = "", ...args] = command;
  let child: ChildProcess | undefined;
  const pass = (signal: NodeJS.Signals): void => {
    // A terminal has sent it to the program already.
    if (signal !== "SIGINT" || !process.stdin.isTTY) send(child, signal);
  };
  // Before there is a program: one that ends us when it has begun would leave it behind.
  for (const signal of endingSignals) process.on(signal, pass);
  try {
    child = spawn(file, args, { stdio: "inherit", env: { ...process.env, ...env } });
    const end = (): void => send(child, "SIGTERM");
    until?.then(end, end);
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return signal === null ? (code ?? exitCodes.failure) : 128 + (constants.signals[signal] ?? 0);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    say(`${quoteName(file)} cannot be run: ${code}`);
    return code === "ENOENT" ? exitCodes.notFound : exitCodes.notExecutable;
  } finally {
    for (const signal of endingSignals) process.off(signal, pass);
  }
}
