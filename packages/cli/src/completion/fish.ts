import { namesOf, quote, type Subcommand } from "./subcommand.ts";

/** Returns a script for fish. */
export function fishOf(commands: readonly Subcommand[]): string {
  const complete = (...parts: readonly string[]): string => ["complete -c cryptodev", ...parts].join(" ");
  const lines = commands.flatMap(({ name, description, flags, words, isRunner }) => {
    const seen = `__fish_seen_subcommand_from ${name}`;
    const options = flags.map((flag) => {
      const letters = flag.names.map((each) => (each.startsWith("--") ? `-l ${each.slice(2)}` : `-s ${each.slice(1)}`));
      const files = flag.isFile ? "-r -F" : "-x";
      const suggested = flag.values.length > 0 ? `-a ${quote(flag.values.join(" "))}` : "";
      const value = flag.takesValue ? [files, suggested].filter(Boolean) : [];
      return complete(`-n ${quote(seen)}`, ...letters, ...value, `-d ${quote(flag.description)}`);
    });
    const [first] = words;
    const suggested =
      first === undefined || first.values.length === 0
        ? []
        : [
            complete(
              `-n ${quote(`${seen}; and not __fish_seen_subcommand_from ${first.values.join(" ")}`)}`,
              `-f -a ${quote(first.values.join(" "))}`,
              `-d ${quote(first.name)}`,
            ),
          ];
    const hasFiles = isRunner || words.some(({ isFile }) => isFile);
    const other = hasFiles ? [] : [complete(`-n ${quote(seen)}`, "-f")];
    return [
      complete("-n __fish_use_subcommand -f", `-a ${name}`, `-d ${quote(description)}`),
      ...options,
      ...suggested,
      ...other,
    ];
  });
  return `# fish completion of cryptodev, made by \`cryptodev completion fish\`
${lines.join("\n")}
complete -c cryptodev -n __fish_use_subcommand -f -a help -d 'shows the help of a command'
complete -c cryptodev -n '__fish_seen_subcommand_from help' -f -a ${quote(namesOf(commands))}
`;
}
