// `weir completion`: the script that makes a shell complete commands and flags.
import { commandNames } from "../commands.ts"
import { EXIT_DONE, readWords, UsageError, type Command } from "../command.ts"
import { bashScript, zshScript } from "../completion/scripts.ts"
import { commandWords } from "../completion/words.ts"

const scripts = { bash: bashScript, zsh: zshScript } as const

const isShell = (word: string): word is keyof typeof scripts => Object.hasOwn(scripts, word)

export const completion: Command = {
  name: "completion",
  summary: "Completion of commands and flags for bash or zsh",
  usage: `Usage: ./weir completion bash    prints the script; source <(./weir completion bash)
       ./weir completion zsh     the same for zsh, after compinit`,
  run: async (args) => {
    const [shell = ""] = readWords(args, {}, 1).positionals
    if (!isShell(shell))
      throw new UsageError(`expected ${Object.keys(scripts).join(" or ")}, got "${shell}"`)
    process.stdout.write(scripts[shell](await commandWords(commandNames)))
    return EXIT_DONE
  },
}
