#!/usr/bin/env node
/* The command `cryptodev`. Each of its subcommands is a file beside this one. */
import process from "node:process";
import { Command, CommanderError } from "commander";
import { exitCodes } from "./exit_codes.ts";
import { serveCommand } from "./serve.ts";

// What stands after `--` is another program's command line, with options of its own.
const split = process.argv.indexOf("--");
const [own, others] = split < 0 ? [process.argv, []] : [process.argv.slice(0, split), process.argv.slice(split + 1)];

const program = new Command("cryptodev")
  .description("Cryptography by the Linux kernel's /dev/crypto, and the same device in software")
  .exitOverride();
program.addCommand(serveCommand(others).copyInheritedSettings(program));

try {
  await program.parseAsync(own);
} catch (error) {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : exitCodes.usage);
  console.error(`cryptodev: ${error instanceof Error ? error.message : error}`);
  process.exit(exitCodes.failure);
}
