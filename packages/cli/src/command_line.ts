import process from "node:process";
import { Command } from "commander";
import { withHelp } from "./described.ts";
import type { Library } from "./library.ts";
import { log, print, say } from "./print.ts";
import { UsageError } from "./usage_error.ts";

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
logs the calls to the device: 1 logs to standard error, any other value is the name of a file.
`;

/** Creates a subcommand. @param others - the words after `--` */
type Create = (library: Library, others: readonly string[]) => Promise<Command>;

/** The subcommands, whose modules are loaded when they are used. */
const subcommands: Readonly<Record<string, Create>> = {
  info: async (library) => (await import("./info.ts")).infoCommand(library),
  enc: async (library) => (await import("./enc.ts")).encCommand(library),
  dec: async (library) => (await import("./enc.ts")).decCommand(library),
  dgst: async (library) => (await import("./dgst.ts")).dgstCommand(library),
  hmac: async (library) => (await import("./dgst.ts")).hmacCommand(library),
  speed: async (library) => (await import("./speed.ts")).speedCommand(library),
  trace: async (library, others) => (await import("./trace.ts")).traceCommand(library, others),
  serve: async (library, others) => (await import("./serve.ts")).serveCommand(library, others),
  completion: async () => (await import("./completion.ts")).completionCommand(),
  man: async (library) => (await import("./man_page.ts")).manCommand(library),
};

/** Those that describe all of them. */
const describers: readonly string[] = ["completion", "man"];

/** Those that run another program, whose command line follows `--` and has its own options. */
const runners: readonly string[] = ["trace", "serve"];

/** Commander repeats unknown options with their values, which may be keys. */
const withoutValues = (text: string): string => text.replace(/(unknown option '(?:--[^'=]*|-.))[^']*/, "$1");

/**
 * Runs the command line of this process.
 *
 * @param load - loads the package that opens the devices
 * @throws {CommanderError} if commander refuses the command line, or printed help
 */
export async function runCommandLine(version: string, load: () => Promise<Omit<Library, "version">>): Promise<void> {
  const split = process.argv.indexOf("--");
  const [own, others] = split < 0 ? [process.argv, []] : [process.argv.slice(0, split), process.argv.slice(split + 1)];

  const program = withHelp(new Command("cryptodev"), { examples, footer })
    .description("Encrypts and hashes with Linux's /dev/crypto, or with a software device")
    .version(version)
    // Of a runner, its arguments are only a part.
    .configureHelp({ subcommandTerm: (command) => `${command.name()} ${command.usage()}`.trim() })
    .configureOutput({
      // Help that was requested is a result: if it cannot be written, the command fails.
      writeOut: print,
      writeErr: log,
      outputError: (text) => say(withoutValues(text.replace(/^error: /, "").trimEnd())),
    })
    .exitOverride();

  const words = own.slice(2);
  for (const command of await commandsFor(words, others, async () => ({ version, ...(await load()) }))) {
    program.addCommand(command.copyInheritedSettings(program));
  }
  const [first = "", second = ""] = words;
  const word = first === "help" ? second : first;
  const isUnknown = /^\w/.test(word) && word !== "help" && !Object.hasOwn(subcommands, word);
  if (isUnknown) await checkCommand(word);
  // After `help`, commander does not refuse an unknown command.
  const refused = [...process.argv.slice(0, 2), word];
  await program.parseAsync(isUnknown ? refused : runners.includes(first) ? own : process.argv);
}

/**
 * Creates all subcommands. Those that the command line does not need only have their name. The list in the help needs
 * all of them.
 */
async function commandsFor(
  words: readonly string[],
  others: readonly string[],
  load: () => Promise<Library>,
): Promise<readonly Command[]> {
  const isNamed =
    words.some((word) => Object.hasOwn(subcommands, word)) && !words.some((word) => describers.includes(word));
  return await Promise.all(
    Object.entries(subcommands).map(async ([name, create]) =>
      isNamed && !words.includes(name) ? new Command(name) : create(await load(), others),
    ),
  );
}

/** Refuses a word that is not a command, if we can suggest more than commander does. */
async function checkCommand(word: string): Promise<void> {
  const { cipherNamed, hashNamed } = await import("@cryptodev/core/algorithms");
  const algorithm = hashNamed(word) ? "dgst" : cipherNamed(word) ? "enc" : undefined;
  // `encrypt` and `information` start with the command's name.
  const command = Object.keys(subcommands).find((name) => word.startsWith(name));
  const meant = algorithm === undefined ? command : `\`${algorithm} ${word}\``;
  if (meant !== undefined) throw new UsageError(`unknown command '${word}'\n(Did you mean ${meant}?)`);
}
