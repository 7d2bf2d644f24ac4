#!/usr/bin/env node
/* The command `cryptodev`. Each of its subcommands is a file beside this one. */
import process from "node:process";
import { Command, CommanderError } from "commander";
import { CryptodevError } from "cryptodev";
import { dgstCommand, hmacCommand } from "./dgst.ts";
import { decCommand, encCommand } from "./enc.ts";
import { exitCodes } from "./exit_codes.ts";
import { infoCommand } from "./info.ts";
import { serveCommand } from "./serve.ts";
import { speedCommand } from "./speed.ts";
import { traceCommand } from "./trace.ts";
import { UsageError } from "./usage_error.ts";
import { version } from "./version.ts";

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

const program = new Command("cryptodev")
  .description("Cryptography by the Linux kernel's /dev/crypto, and the same device in software")
  .version(version)
  .addHelpText("before", examples)
  .addHelpText("after", footer)
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error:/, "cryptodev:")) })
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

// Results that cannot be written are a failure, even where nobody waits for the write.
process.stdout.on("error", (error) => process.exit(tell(error)));

try {
  const isRunner = runners.some((command) => command.name() === process.argv[2]);
  await program.parseAsync(isRunner ? own : process.argv);
} catch (error) {
  process.exit(tell(error));
}

/** Says what went wrong, where nobody has yet. @returns the exit status */
function tell(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  // Who reads no further, as `head` does, wants to hear no more of it.
  if ((error as NodeJS.ErrnoException).code === "EPIPE") return exitCodes.brokenPipe;
  console.error(`cryptodev: ${error instanceof Error ? error.message : error}`);
  if (error instanceof UsageError) return exitCodes.usage;
  return error instanceof CryptodevError && error.code === "EBADMSG" ? exitCodes.mismatch : exitCodes.failure;
}
