import { Command, Help } from "commander";
import { helpOf, withHelp } from "./described.ts";
import type { Library } from "./library.ts";
import { print } from "./print.ts";

const examples = `
Examples:
  $ cryptodev man | man -l -                   # if your package manager did not install the page
`;

const footer = `
Exit status: 0; 2 if the command line is wrong.
`;

/** Escapes text for roff. */
const escapeText = (text: string): string =>
  text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^(['.])/gm, "\\&$1");

const bold = (text: string): string => `\\fB${escapeText(text)}\\fR`;

/** Formats paragraphs, which the help separates by empty lines. */
const paragraphs = (text: string): readonly string[] =>
  text
    .trim()
    .split("\n\n")
    .flatMap((paragraph) => [".PP", escapeText(paragraph)]);

/** Formats the footer of the program, whose lines start with the name of a section, such as `Exit status: `. */
const sectionsOf = (footer: string): readonly string[] =>
  footer
    .trim()
    .split(/^([A-Z][a-z ]+): /m)
    .slice(1)
    .map((part, index) => (index % 2 === 0 ? `.SH ${part.toUpperCase()}` : escapeText(part.trim())));

/** Formats examples, in lines that are not filled. */
const examplesOf = (text: string): readonly string[] => [".PP", ".nf", escapeText(text.trim()), ".fi"];

function optionsOf(command: Command, help: Help): readonly string[] {
  return help
    .visibleOptions(command)
    .flatMap((option) => [".TP", bold(help.optionTerm(option)), escapeText(help.optionDescription(option))]);
}

function subcommandOf(command: Command, help: Help): readonly string[] {
  const { examples, footer } = helpOf(command);
  const described = command.registeredArguments.filter(({ description }) => description !== "");
  return [
    `.SS ${bold(`cryptodev ${command.name()} ${command.usage()}`)}`,
    escapeText(`${command.description()}.`),
    ...described.flatMap((argument) => [".TP", bold(argument.name()), escapeText(help.argumentDescription(argument))]),
    ...optionsOf(command, help),
    ...paragraphs(footer),
    ...examplesOf(examples),
  ];
}

/** Formats the manual page of a program, in roff. */
function manPage(program: Command, version: string): string {
  const help = new Help();
  const { examples, footer } = helpOf(program);
  const description = program.description();
  return `${[
    `.TH CRYPTODEV 1 "" "cryptodev ${version}" "User Commands"`,
    ".SH NAME",
    escapeText(`cryptodev - ${description.charAt(0).toLowerCase()}${description.slice(1)}`),
    ".SH SYNOPSIS",
    bold(`cryptodev ${program.usage()}`),
    ".SH DESCRIPTION",
    escapeText(`${description}. Each command has options of its own.`),
    ".SH OPTIONS",
    ...optionsOf(program, help),
    ".SH COMMANDS",
    ...program.commands.flatMap((command) => subcommandOf(command, help)),
    ...sectionsOf(footer),
    ".SH FILES",
    ".TP",
    bold("/dev/crypto"),
    "the device of the kernel module cryptodev",
    ".SH EXAMPLES",
    ...examplesOf(examples.replace("Examples:", "")),
    ".SH SEE ALSO",
    ["openssl(1)", "sha256sum(1)", "strace(1)"].map(escapeText).join(", "),
  ].join("\n")}\n`;
}

/** Creates the command `cryptodev man`, which describes all commands of its parent. */
export function manCommand({ version }: Library): Command {
  const command = new Command("man").description("Prints the manual page, in roff");
  return withHelp(command, { examples, footer }).action(() => {
    if (command.parent !== null) print(manPage(command.parent, version));
  });
}
