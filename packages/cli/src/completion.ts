import { Argument, Command } from "commander";
import { bashOf } from "./completion/bash.ts";
import { fishOf } from "./completion/fish.ts";
import { type Subcommand, subcommandOf } from "./completion/subcommand.ts";
import { zshOf } from "./completion/zsh.ts";
import { withHelp } from "./described.ts";
import { checkName } from "./names.ts";
import { print } from "./print.ts";

/*
 * The scripts contain all words: a shell that ran this command for each of them would wait for the runtime to start, which
 * takes seconds on a small board.
 */

const examples = `
Examples:
  $ source <(cryptodev completion bash)        # in ~/.bashrc
  $ source <(cryptodev completion zsh)         # in ~/.zshrc, after compinit
  $ cryptodev completion fish > ~/.config/fish/completions/cryptodev.fish
`;

const footer = `
Exit status: 0; 2 if the command line is wrong.
`;

const shells: Readonly<Record<string, (commands: readonly Subcommand[]) => string>> = {
  bash: bashOf,
  zsh: zshOf,
  fish: fishOf,
};

/** Creates the command `cryptodev completion`, which describes all commands of its parent. */
export function completionCommand(): Command {
  const names = Object.keys(shells);
  const command = new Command("completion").description("Prints the completion script for a shell");
  return withHelp(command, { examples, footer })
    .addArgument(
      new Argument("<shell>", "the shell").choices(names).argParser((name: string) => {
        checkName("shell", name, names);
        return name;
      }),
    )
    .action((shell: string) =>
      print((shells[shell] as typeof bashOf)((command.parent?.commands ?? []).map(subcommandOf))),
    );
}
