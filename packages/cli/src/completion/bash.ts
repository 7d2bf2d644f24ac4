import { namesOf, quote, type Subcommand } from "./subcommand.ts";

/** Returns a script for bash, of any version since 4. */
export function bashOf(commands: readonly Subcommand[]): string {
  const cases = commands.map(({ name, flags, words, isRunner }) => {
    const values = flags
      .filter(({ takesValue }) => takesValue)
      .map(({ names, values, isFile }) => {
        const action = isFile ? "_cryptodev_files" : `_cryptodev_words ${quote(values.join(" "))}`;
        return `        ${names.join("|")}) ${action}; return ;;`;
      });
    const options = quote(flags.flatMap(({ names }) => names).join(" "));
    const first = words[0]?.values ?? [];
    return [
      `    ${name})`,
      "      case $before in",
      ...values,
      "      esac",
      ...(isRunner ? ["      _cryptodev_program && return"] : []),
      `      if [[ $word == -* ]]; then _cryptodev_words ${options}`,
      ...(first.length > 0
        ? [`      elif (( COMP_CWORD == 2 )); then _cryptodev_words ${quote(first.join(" "))}`]
        : []),
      ...(words.some(({ isFile }) => isFile) ? ["      else _cryptodev_files"] : []),
      "      fi ;;",
    ].join("\n");
  });
  return `# bash completion of cryptodev, made by \`cryptodev completion bash\`
_cryptodev_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$word"); }
_cryptodev_files() {
  compopt -o filenames 2> /dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$word")
}
# After \`--\` comes the command line of another program.
_cryptodev_program() {
  local index
  for (( index = 2; index < COMP_CWORD; index++ )); do
    [[ \${COMP_WORDS[index]} == -- ]] || continue
    if (( index + 1 == COMP_CWORD )); then mapfile -t COMPREPLY < <(compgen -c -- "$word")
    else _cryptodev_files
    fi
    return 0
  done
  return 1
}
_cryptodev() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  # Bash splits --option=value at the equals sign.
  if [[ $word == = ]]; then word=
  elif [[ $before == = ]]; then before=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  if (( COMP_CWORD == 1 )); then
    _cryptodev_words ${quote(`${namesOf(commands)} help --help --version`)}
    return
  fi
  case \${COMP_WORDS[1]} in
    help) _cryptodev_words ${quote(namesOf(commands))} ;;
${cases.join("\n")}
  esac
}
complete -F _cryptodev cryptodev
`;
}
