import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import process from "node:process";
import { exitCodes } from "./exit_codes.ts";

/** What ends a process that is asked to end. */
export const endings = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** How a program is run. */
export interface RunOptions {
  /** What is in its environment besides our own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Is given the program as it starts. */
  readonly onStart?: (child: ChildProcess) => void;
}

/** How a program ended, as a shell tells it. */
function statusOf(code: number | null, signal: NodeJS.Signals | null): number {
  return signal === null ? (code ?? exitCodes.failure) : 128 + (constants.signals[signal] ?? 0);
}

/** Runs a program with our own standard streams, and passes on what would end us. @returns its exit status */
export async function run(
  command: string,
  args: readonly string[],
  { env, onStart }: RunOptions = {},
): Promise<number> {
  const child = spawn(command, [...args], { stdio: "inherit", env: { ...process.env, ...env } });
  const pass = (signal: NodeJS.Signals): void => {
    // A terminal has sent it to the program already.
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  };
  for (const signal of endings) process.on(signal, pass);
  onStart?.(child);
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return statusOf(code, signal);
  } catch (error) {
    console.error(`cryptodev: ${command} cannot be run: ${(error as NodeJS.ErrnoException).code}`);
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? exitCodes.notFound : exitCodes.notExecutable;
  } finally {
    for (const signal of endings) process.off(signal, pass);
  }
}
