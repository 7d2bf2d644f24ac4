/**
 * The command `cryptodev`. Each of its subcommands is a file in this folder.
 *
 * @module @cryptodev/cli
 */
import type { CommanderError } from "commander";
import { exitCodes } from "./exit_codes.ts";
import { fileError } from "./file_error.ts";
import { commandLine } from "./file_name.ts";
import type { Library } from "./library.ts";
import { print, say } from "./print.ts";
import { UsageError } from "./usage_error.ts";

export type { Backend, Library } from "./library.ts";

/**
 * Runs the command line of this process, and sets its exit status.
 *
 * @param version - the version of the package that opens the devices
 * @param load - loads that package, if the command line needs it
 */
export async function run(version: string, load: () => Promise<Omit<Library, "version">>): Promise<void> {
  process.argv = commandLine();
  const [, , word = "", ...others] = process.argv;
  try {
    // Scripts ask for the version often, and the parser takes longer to load than everything else. So does
    // node:process, whose import runs the getters of the standard streams.
    if (others.length === 0 && ["--version", "-V"].includes(word)) print(`${version}\n`);
    else await (await import("./command_line.ts")).runCommandLine(version, load);
  } catch (error) {
    process.exit(await report(error));
  }
}

/** Whether an error is one of `node:fs`, whose text is not written for users. */
function isOfSystem(error: unknown): error is NodeJS.ErrnoException & { readonly path: string } {
  if (!(error instanceof Error) || !("syscall" in error) || !("path" in error)) return false;
  // Those of the device have a name of their own.
  return error.name === "Error" && typeof error.path === "string";
}

function isOfCommander(error: unknown): error is CommanderError {
  return (error as Error).name === "CommanderError";
}

/**
 * Reports an error, unless commander has done so.
 *
 * @returns the exit status
 */
async function report(error: unknown): Promise<number> {
  if (isOfCommander(error)) return error.exitCode === 0 ? 0 : exitCodes.usage;
  // A reader that stops early, such as `head`, does not need a message.
  if ((error as NodeJS.ErrnoException).code === "EPIPE") return exitCodes.brokenPipe;
  if (error instanceof UsageError) {
    say(error.message);
    return exitCodes.usage;
  }
  const [{ messageOf }, { AuthenticationError }] = await Promise.all([
    import("./nearest_file.ts"),
    import("@cryptodev/core"),
  ]);
  const shown = isOfSystem(error) ? fileError(error.path, error) : error;
  say(shown instanceof Error ? messageOf(shown) : String(shown));
  return error instanceof AuthenticationError ? exitCodes.mismatch : exitCodes.failure;
}
