import { readFileSync } from "node:fs";

/** The signals with which users end a command and the program that it runs. */
export const endingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Signals that by default end a process. SIGUSR1 is omitted because it opens a debugger; SIGKILL cannot be caught. */
export const fatalSignals: readonly NodeJS.Signals[] = [
  ...endingSignals,
  "SIGQUIT",
  "SIGALRM",
  "SIGXCPU",
  "SIGXFSZ",
  "SIGUSR2",
];

/** The signals that a terminal sends to all processes in its foreground: on Ctrl-C and Ctrl-\. */
const keyboardSignals: readonly NodeJS.Signals[] = ["SIGINT", "SIGQUIT"];

/**
 * Whether a signal that this process received probably comes from the terminal, which then has also sent it to the
 * programs that this process runs: they are in the same process group.
 */
export function isOfTerminal(signal: NodeJS.Signals): boolean {
  return keyboardSignals.includes(signal) && isInForeground();
}

/** Whether this process is in the foreground of its terminal. Where its standard streams lead does not matter. */
function isInForeground(): boolean {
  let status: string;
  try {
    status = readFileSync("/proc/self/stat", "latin1");
  } catch {
    // There is no /proc.
    return false;
  }
  // The second field is the name of the program, in parentheses, and can contain both blanks and parentheses.
  const [, , group, , , foreground] = status.slice(status.lastIndexOf(")") + 2).split(" ");
  return group === foreground;
}
