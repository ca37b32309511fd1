// The scripts that make a shell complete `weir`: words only, so that completing starts nothing.
import type { CommandWords } from "./words.ts"

const flagWords = ({ flags }: CommandWords): string =>
  flags.map(({ name }) => `--${name}`).join(" ")

const valueFlags = (commands: ReadonlyArray<CommandWords>): ReadonlyArray<string> => [
  ...new Set(
    commands.flatMap(({ flags }) =>
      flags.filter(({ takesValue }) => takesValue).map(({ name }) => `--${name}`),
    ),
  ),
]

/** After a flag with a value, and where no flag is begun, files are completed. */
export const bashScript = (commands: ReadonlyArray<CommandWords>): string => {
  const names = [...commands.map(({ name }) => name), "help"].join(" ")
  const cases = commands.map(
    (command) =>
      `    ${command.name}) flags="${flagWords(command)}"; ` +
      `actions="${command.actions.join(" ")}" ;;`,
  )
  return `# bash completion of weir: source it, or put it into /etc/bash_completion.d/weir
_weir() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} flags= actions=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names}" -- "$word"))
    return
  fi
  case " ${valueFlags(commands).join(" ")} " in
    *" $before "*) COMPREPLY=($(compgen -f -- "$word")); return ;;
  esac
  case \${COMP_WORDS[1]} in
    help) [ "$COMP_CWORD" -eq 2 ] && actions="${names}" ;;
${cases.join("\n")}
  esac
  case $word in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
    *)
      if [ "$COMP_CWORD" -eq 2 ] && [ -n "$actions" ]; then
        COMPREPLY=($(compgen -W "$actions" -- "$word"))
      else
        COMPREPLY=($(compgen -f -- "$word"))
      fi ;;
  esac
}
complete -o filenames -F _weir weir ./weir
`
}

/** In single quotes of the shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

const zshCase = (command: CommandWords): string => {
  const flags = command.flags
    .map(({ name, takesValue }) => quoted(`--${name}${takesValue ? ":value:_files" : ""}`))
    .join(" ")
  const first =
    command.actions.length === 0
      ? quoted("*:file:_files")
      : `${quoted(`1:action:(${command.actions.join(" ")})`)} ${quoted("*:file:_files")}`
  return `    ${command.name}) _arguments ${flags} ${first} ;;`
}

export const zshScript = (commands: ReadonlyArray<CommandWords>): string => {
  const described = commands.map(({ name, summary }) =>
    quoted(`${name}:${summary.replaceAll(":", String.raw`\:`)}`),
  )
  return `#compdef weir
# zsh completion of weir: source it after compinit, or put it as _weir into a folder of $fpath
_weir() {
  local -a commands
  commands=(
    ${described.join("\n    ")}
    'help:This list, or the help of one command'
  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
    help) _describe 'command' commands ;;
${commands.map(zshCase).join("\n")}
  esac
}
if [ "$funcstack[1]" = "_weir" ]; then _weir "$@"; else compdef _weir weir ./weir; fi
`
}
