import type { Argument, Command, Option } from "commander";

/*
 * What commander does not keep of a command in a form that can be read: the help, the shell completions and the manual
 * page are made from the same commands.
 */

/** The texts around a command's options in its help. */
export interface HelpTexts {
  /** Lines that start with `$`. */
  readonly examples: string;
  /** Paragraphs. */
  readonly footer: string;
}

const texts = new WeakMap<Command, HelpTexts>();
const values = new WeakMap<Argument | Option, readonly string[]>();

/** Adds texts to the help of a command. */
export function withHelp(command: Command, help: HelpTexts): Command {
  texts.set(command, help);
  return command.addHelpText("before", help.examples).addHelpText("after", help.footer);
}

/** Returns the texts of a command. */
export const helpOf = (command: Command): HelpTexts => texts.get(command) ?? { examples: "", footer: "" };

/** Sets which values of an argument or an option shells suggest. Others remain valid. */
export function withValues<Subject extends Argument | Option>(subject: Subject, names: readonly string[]): Subject {
  values.set(subject, names);
  return subject;
}

/** Returns the values that shells suggest. */
export const valuesOf = (subject: Argument | Option): readonly string[] =>
  subject.argChoices ?? values.get(subject) ?? [];
