import { type Command, Help, type Option } from "commander";
import { valuesOf } from "../described.ts";

/** A word that a shell completes, with its description. */
export interface Item {
  readonly name: string;
  readonly description: string;
  /** Which values it suggests. */
  readonly values: readonly string[];
  /** Whether it also accepts the name of a file. */
  readonly isFile: boolean;
}

/** An option of a command. */
export interface Flag extends Item {
  /** All of its names, such as `-i` and `--in`. */
  readonly names: readonly string[];
  readonly takesValue: boolean;
}

/** A command. */
export interface Subcommand {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly Flag[];
  readonly words: readonly Item[];
  /** Whether the command line of another program follows `--`. */
  readonly isRunner: boolean;
}

const isFileName = (name: string): boolean => /^(file|files|path)$/.test(name);

function flagOf(option: Option): Flag {
  const { flags, description, short, long } = option;
  const names = [short, long].filter((name) => name !== undefined && name !== null);
  const [, value = ""] = /[<[]([\w-]+)/.exec(flags) ?? [];
  return {
    name: value,
    names,
    description,
    takesValue: value !== "",
    values: valuesOf(option),
    isFile: isFileName(value),
  };
}

export function subcommandOf(command: Command): Subcommand {
  const words = command.registeredArguments
    .filter(({ description }) => description !== "")
    .map((argument) => ({
      name: argument.name(),
      description: argument.description,
      values: valuesOf(argument),
      isFile: isFileName(argument.name()),
    }));
  return {
    name: command.name(),
    description: command.description(),
    flags: new Help().visibleOptions(command).map(flagOf),
    words,
    isRunner: command.usage().includes("-- program"),
  };
}

/** Quotes a word for every shell that we know. */
export const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The names of all commands, separated by blanks. */
export const namesOf = (commands: readonly Subcommand[]): string => commands.map(({ name }) => name).join(" ");
