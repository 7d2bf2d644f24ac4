import { type Item, quote, type Subcommand } from "./subcommand.ts";

/** Escapes a description in a specification of zsh's `_arguments`. */
const zshText = (text: string): string => text.replace(/[[\]:\\]/g, "\\$&");

/** How zsh completes a value. */
function zshAction({ name, values, isFile }: Item): string {
  if (values.length > 0) return `${name}:(${values.join(" ")})`;
  return `${name}:${isFile ? "_files" : " "}`;
}

/** Returns a script for zsh, to be sourced, or to be a file `_cryptodev` in `$fpath`. */
export function zshOf(commands: readonly Subcommand[]): string {
  const cases = commands.map(({ name, flags, words, isRunner }) => {
    const options = flags.map((flag) => {
      // Each name is a specification; they exclude each other, unless the option is repeatable.
      const isRepeatable = flag.description.includes("(repeatable)");
      const value = flag.takesValue ? `:${zshAction(flag)}` : "";
      const before = isRepeatable ? "*" : `(${flag.names.join(" ")})`;
      return flag.names
        .map((each) => {
          const assigned = flag.takesValue ? (each.startsWith("--") ? "=" : "+") : "";
          return quote(`${before}${each}${assigned}[${zshText(flag.description)}]${value}`);
        })
        .join(" ");
    });
    const own = words.map((word, index) => {
      const place = index === words.length - 1 && word.name.endsWith("s") ? "*" : `${index + 1}`;
      return quote(`${place}:${zshAction(word)}`);
    });
    const others = isRunner ? [quote("*:::program:_normal")] : [];
    return `    ${name}) _arguments -s ${[...options, ...own, ...others].join(" ")} ;;`;
  });
  const described = commands.map(({ name, description }) => quote(`${name}:${description}`));
  return `#compdef cryptodev
# zsh completion of cryptodev, made by \`cryptodev completion zsh\`
_cryptodev() {
  local -a commands=(${described.join(" ")} 'help:shows the help of a command')
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
    help) _describe command commands ;;
${cases.join("\n")}
  esac
}
if [[ $funcstack[1] == _cryptodev ]]; then _cryptodev "$@"
else compdef _cryptodev cryptodev
fi
`;
}
