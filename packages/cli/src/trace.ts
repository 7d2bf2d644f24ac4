import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { Command } from "commander";
import { withHelp } from "./described.ts";
import { backendOption } from "./device_flags.ts";
import { fileError } from "./file_error.ts";
import { pathOf } from "./file_name.ts";
import type { Library } from "./library.ts";
import { quoteName } from "./quote.ts";
import { runProgram } from "./run_program.ts";
import { UsageError } from "./usage_error.ts";

/** The options of `trace`. */
interface TraceFlags {
  readonly out?: string;
  readonly backend?: string;
}

const examples = `
Examples:
  $ cryptodev trace -- node program.js         # its calls to the device, on standard error
  $ cryptodev trace -o calls -- npm test       # into a file
  $ cryptodev trace --backend software -- cryptodev dgst sha256 README.md
`;

const footer = `
trace sets CRYPTODEV_TRACE for the program. The library reads this variable when it opens a device.
Keys and data are never shown, only their sizes. For a program that uses the device without this
library, use strace(1) or \`cryptodev serve --verbosity 2\`.

Exit status: that of the program; 1 if the file cannot be written; 2 if the command line is wrong;
126 if the program cannot be run, 127 if it does not exist.
`;

/**
 * Creates the command `cryptodev trace`.
 *
 * @param program - a program and its arguments, which follow `--` on the command line
 */
export function traceCommand(library: Library, program: readonly string[]): Command {
  return (
    withHelp(new Command("trace"), { examples, footer })
      .description("Runs a program that uses this library, and shows its calls to the device as strace would")
      .usage("[options] -- program args...")
      // Refused below, with a suggestion.
      .argument("[words...]")
      .option("-o, --out <file>", "output file (default: standard error)")
      .addOption(backendOption(library, "backend to use if the program does not select one"))
      .action(async ([word]: readonly string[], { out, backend }: TraceFlags) => {
        if (word !== undefined) {
          throw new UsageError(`expected \`--\` before the program; did you mean \`trace -- ${quoteName(word)}\`?`);
        }
        if (program.length === 0) throw new UsageError("expected a program after `--`");
        // The program may change its working directory, and appends to the file.
        if (out !== undefined) clear(out);
        const { variables } = library;
        const env = {
          [variables.trace]: out === undefined ? "1" : resolve(out),
          ...(backend === undefined ? {} : { [variables.backend]: backend }),
        };
        process.exitCode = await runProgram(program, { env });
      })
  );
}

function clear(file: string): void {
  try {
    writeFileSync(pathOf(file), "");
  } catch (error) {
    throw fileError(file, error);
  }
}
