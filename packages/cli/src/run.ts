/**
 * The command `cryptodev`. Each of its subcommands is a file in this folder.
 *
 * @module @cryptodev/cli
 */
import process from "node:process";
import { AuthenticationError } from "@cryptodev/core";
import { cipherNamed, hashNamed } from "@cryptodev/core/algorithms";
import { Command, CommanderError } from "commander";
import { dgstCommand, hmacCommand } from "./dgst.ts";
import { decCommand, encCommand } from "./enc.ts";
import { exitCodes } from "./exit_codes.ts";
import { fileError, messageOf } from "./file_error.ts";
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
  $ cryptodev enc aes-256-gcm --key-file key --nonce random -i plain -o sealed
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
    const [, , first = "", second = ""] = process.argv;
    const commands = program.commands.map((command) => command.name());
    const word = first === "help" ? second : first;
    const isUnknown = /^\w/.test(word) && !["help", ...commands].includes(word);
    if (isUnknown) checkCommand(word, commands);
    const isRunner = runners.some((command) => command.name() === first);
    // After `help`, commander does not refuse an unknown command.
    await program.parseAsync(isUnknown ? [...process.argv.slice(0, 2), word] : isRunner ? own : process.argv);
  } catch (error) {
    process.exit(report(error));
  }
}

/** Refuses a word that is not a command, if we can suggest more than commander does. */
function checkCommand(word: string, commands: readonly string[]): void {
  const algorithm = hashNamed(word) ? "dgst" : cipherNamed(word) ? "enc" : undefined;
  // `encrypt` and `information` start with the command's name.
  const meant =
    algorithm === undefined ? commands.find((command) => word.startsWith(command)) : `\`${algorithm} ${word}\``;
  if (meant !== undefined) throw new UsageError(`unknown command '${word}'\n(Did you mean ${meant}?)`);
}

/** Whether an error is one of `node:fs`, whose text is not written for users. */
function isOfSystem(error: unknown): error is NodeJS.ErrnoException & { readonly path: string } {
  if (!(error instanceof Error) || !("syscall" in error) || !("path" in error)) return false;
  // Those of the device have a name of their own.
  return error.name === "Error" && typeof error.path === "string";
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
  const shown = isOfSystem(error) ? fileError(error.path, error) : error;
  say(shown instanceof Error ? messageOf(shown) : String(shown));
  if (error instanceof UsageError) return exitCodes.usage;
  return error instanceof AuthenticationError ? exitCodes.mismatch : exitCodes.failure;
}
