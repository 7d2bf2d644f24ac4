import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { Command } from "commander";
import { BACKEND_VARIABLE, TRACE_VARIABLE } from "../open.ts";
import { backendOption } from "./device_flags.ts";
import { fileError } from "./file_error.ts";
import { pathOf } from "./file_name.ts";
import { runProgram } from "./run_program.ts";
import { UsageError } from "./usage_error.ts";

/** The command line of `trace`, as it was given. */
interface TraceFlags {
  readonly out?: string;
  readonly backend?: string;
}

const examples = `
Examples:
  $ cryptodev trace -- node program.js         # its calls of the device, on standard error
  $ cryptodev trace -o calls -- npm test       # in a file
  $ cryptodev trace --backend software -- cryptodev dgst sha256 README.md
`;

const footer = `
It sets CRYPTODEV_TRACE for the program, which the library heeds as it opens a device: \`1\` for standard error, or the name
of a file. Keys and data are never shown, only their sizes. A program that uses the device without this library is for
strace(1), or for \`cryptodev serve --verbosity 2\`.

Exit status: that of the program; 1 when the file cannot be written, 2 for a wrong command line, 126 and 127 for a program
that cannot be run or is not there.
`;

/**
 * `cryptodev trace`.
 *
 * @param program - what stood after `--`: a program and its arguments
 */
export function traceCommand(program: readonly string[]): Command {
  return new Command("trace")
    .description("Runs a program that uses this library, and shows its calls of the device as strace would")
    .addHelpText("before", examples)
    .addHelpText("after", footer)
    .usage("[options] -- program args...")
    .option("-o, --out <file>", "where calls are written; standard error if left out")
    .addOption(backendOption("what answers, where the program does not say"))
    .action(async ({ out, backend }: TraceFlags) => {
      if (program.length === 0) throw new UsageError("expected a program after `--`");
      // The program may go elsewhere, and adds to what it finds.
      if (out !== undefined) clear(out);
      const env = {
        [TRACE_VARIABLE]: out === undefined ? "1" : resolve(out),
        ...(backend === undefined ? {} : { [BACKEND_VARIABLE]: backend }),
      };
      process.exitCode = await runProgram(program, { env });
    });
}

function clear(file: string): void {
  try {
    writeFileSync(pathOf(file), "");
  } catch (error) {
    throw fileError(file, error);
  }
}
