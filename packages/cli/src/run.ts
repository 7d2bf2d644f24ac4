/**
 * The command `cryptodev`. Each of its subcommands is a file in this folder.
 *
 * @module @cryptodev/cli
 */
import process from "node:process";
import { AuthenticationError } from "@cryptodev/core";
import { Command, CommanderError } from "commander";
import { dgstCommand, hmacCommand, namesOf } from "./dgst.ts";
import { cipherNames, decCommand, encCommand } from "./enc.ts";
import { exitCodes } from "./exit_codes.ts";
import { commandLine } from "./file_name.ts";
import { infoCommand } from "./info.ts";
import type { Library } from "./library.ts";
import { log, print, say } from "./print.ts";
import { serveCommand } from "./serve.ts";
import { speedCommand } from "./speed.ts";
import { traceCommand } from "./trace.ts";
import { UsageError } from "./usage_error.ts";

export type { Backend, Library } from "./library.ts";

const examples = `
Examples:
  $ cryptodev info                             # the device's algorithms and drivers
  $ cryptodev enc aes-256-cbc --pad --key-file key --iv-file iv -i plain -o sealed
  $ cryptodev dgst sha256 *.iso > SHA256SUMS
  $ cryptodev speed --algorithm aes-cbc        # compares the device with node:crypto
  $ cryptodev serve -- npm test                # a software /dev/crypto for one program
  $ cryptodev help enc                         # examples and options of a command
`;

const footer = `
Exit status: 0; 1 if something failed; 2 if the command line is wrong; some commands have others.
Environment: CRYPTODEV_BACKEND is the default of --backend: kernel, software or auto. CRYPTODEV_TRACE
shows the calls to the device: 1 for standard error, or the name of a file.
`;

/** Commander repeats unknown options with their values, which may be keys. */
const withoutValues = (text: string): string => text.replace(/(unknown option '(?:--[^'=]*|-.))[^']*/, "$1");

/**
 * Runs the command line of this process, and sets its exit status.
 *
 * @param library - the package that opens the devices
 */
export async function run(library: Library): Promise<void> {
  process.argv = commandLine();

  // After `--` comes the command line of another program, with its own options.
  const split = process.argv.indexOf("--");
  const [own, others] = split < 0 ? [process.argv, []] : [process.argv.slice(0, split), process.argv.slice(split + 1)];

  const program = new Command("cryptodev")
    .description("Uses the Linux kernel's /dev/crypto, or the same device in software")
    .version(library.version)
    .addHelpText("before", examples)
    .addHelpText("after", footer)
    .configureOutput({
      // Help that was requested is a result: if it cannot be written, the command fails.
      writeOut: print,
      writeErr: log,
      outputError: (text) => say(withoutValues(text.replace(/^error: /, "").trimEnd())),
    })
    .exitOverride();
  const runners = [traceCommand(library, others), serveCommand(library, others)];
  for (const command of [
    infoCommand(library),
    encCommand(library),
    decCommand(library),
    dgstCommand(library),
    hmacCommand(library),
    speedCommand(library),
    ...runners,
  ]) {
    program.addCommand(command.copyInheritedSettings(program));
  }

  try {
    const [, , first = "", second] = process.argv;
    checkCommand(program, first === "help" && second !== undefined ? second : first);
    const isRunner = runners.some((command) => command.name() === first);
    await program.parseAsync(isRunner ? own : process.argv);
  } catch (error) {
    process.exit(report(error));
  }
}

/** Refuses a word that is not a command, if we can suggest more than commander does. */
function checkCommand(program: Command, word: string): void {
  if (word === "" || word.startsWith("-") || word === "help") return;
  const commands = program.commands.map((command) => command.name());
  if (commands.includes(word)) return;
  const command = namesOf(false).includes(word) ? "dgst" : cipherNames.includes(word) ? "enc" : undefined;
  if (command !== undefined) throw new UsageError(`unknown command '${word}'\n(Did you mean \`${command} ${word}\`?)`);
  if (process.argv[2] === "help") program.error(`unknown command '${word}'; the commands are ${commands.join(", ")}`);
}

/**
 * Reports an error, unless commander has done so.
 *
 * @returns the exit status
 */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  // A reader that stops early, such as `head`, does not need a message.
  if ((error as NodeJS.ErrnoException).code === "EPIPE") return exitCodes.brokenPipe;
  say(error instanceof Error ? error.message : String(error));
  if (error instanceof UsageError) return exitCodes.usage;
  return error instanceof AuthenticationError ? exitCodes.mismatch : exitCodes.failure;
}
