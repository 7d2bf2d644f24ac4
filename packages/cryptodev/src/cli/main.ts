#!/usr/bin/env node
/* The command `cryptodev`. Each of its subcommands is a file beside this one. */
import process from "node:process";
import { Command, CommanderError } from "commander";
import { CryptodevError } from "cryptodev";
import { dgstCommand, hmacCommand, namesOf } from "./dgst.ts";
import { cipherNames, decCommand, encCommand } from "./enc.ts";
import { exitCodes } from "./exit_codes.ts";
import { commandLine } from "./file_name.ts";
import { infoCommand } from "./info.ts";
import { log, print, say } from "./print.ts";
import { serveCommand } from "./serve.ts";
import { speedCommand } from "./speed.ts";
import { traceCommand } from "./trace.ts";
import { UsageError } from "./usage_error.ts";
import { version } from "./version.ts";

process.argv = commandLine();

// What stands after `--` is another program's command line, with options of its own.
const split = process.argv.indexOf("--");
const [own, others] = split < 0 ? [process.argv, []] : [process.argv.slice(0, split), process.argv.slice(split + 1)];

const examples = `
Examples:
  $ cryptodev info                             # what the device can do, and by which drivers
  $ cryptodev enc aes-256-cbc --pad --key-file key --iv-file iv -i plain -o sealed
  $ cryptodev dgst sha256 *.iso > SHA256SUMS
  $ cryptodev speed --algorithm aes-cbc        # and from which size on it beats node:crypto
  $ cryptodev serve -- npm test                # /dev/crypto in software, for one program
  $ cryptodev help enc                         # examples and options of a command
`;

const footer = `
Exit status: 0, 1 when something could not be done, 2 for a wrong command line; \`cryptodev help\` tells a command's own.
Environment: CRYPTODEV_BACKEND says what answers where --backend does not: kernel, software or auto. CRYPTODEV_TRACE shows
the calls of the device: 1 on standard error, any other value names a file.
`;

/** Commander repeats what it does not know, and an option's value may be a key. */
const withoutValues = (text: string): string => text.replace(/(unknown option '(?:--[^'=]*|-.))[^']*/, "$1");

const program = new Command("cryptodev")
  .description("Cryptography by the Linux kernel's /dev/crypto, and the same device in software")
  .version(version)
  .addHelpText("before", examples)
  .addHelpText("after", footer)
  .configureOutput({
    // Help that was asked for is a result, and what cannot be written is a failure.
    writeOut: print,
    writeErr: log,
    outputError: (text) => say(withoutValues(text.replace(/^error: /, "").trimEnd())),
  })
  .exitOverride();
const runners = [traceCommand(others), serveCommand(others)];
for (const command of [
  infoCommand(),
  encCommand(),
  decCommand(),
  dgstCommand(),
  hmacCommand(),
  speedCommand(),
  ...runners,
]) {
  program.addCommand(command.copyInheritedSettings(program));
}

try {
  const [, , first = "", second] = process.argv;
  checkCommand(first === "help" && second !== undefined ? second : first);
  const isRunner = runners.some((command) => command.name() === first);
  await program.parseAsync(isRunner ? own : process.argv);
} catch (error) {
  process.exit(report(error));
}

/** Refuses a word that is not a command, if something better is known of it than commander knows. */
function checkCommand(word: string): void {
  if (word === "" || word.startsWith("-") || word === "help") return;
  const commands = program.commands.map((command) => command.name());
  if (commands.includes(word)) return;
  const command = namesOf(false).includes(word) ? "dgst" : cipherNames.includes(word) ? "enc" : undefined;
  if (command !== undefined) throw new UsageError(`unknown command '${word}'\n(Did you mean \`${command} ${word}\`?)`);
  if (process.argv[2] === "help") program.error(`unknown command '${word}'; the commands are ${commands.join(", ")}`);
}

/** Reports what went wrong, unless it has been. @returns the exit status */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  // Who reads no further, as `head` does, wants to hear no more of it.
  if ((error as NodeJS.ErrnoException).code === "EPIPE") return exitCodes.brokenPipe;
  say(error instanceof Error ? error.message : String(error));
  if (error instanceof UsageError) return exitCodes.usage;
  return error instanceof CryptodevError && error.code === "EBADMSG" ? exitCodes.mismatch : exitCodes.failure;
}
