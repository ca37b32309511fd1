// The `weir` command: finds the command that is asked for, gives its help, and turns what it throws
// into a sentence and an exit code. Each command lives in a file of its own and is loaded only when
// it is run.
import { CommandFailed, EXIT_DONE, EXIT_FAILED, EXIT_USAGE, UsageError } from "./command.ts"
import { commandNames, loadCommand, summaries } from "./commands.ts"

const overview = async (): Promise<string> => {
  const list = await summaries()
  const width = Math.max(...list.map(({ name }) => name.length))
  const lines = list.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)
  return `weir: model serving with every request, answer and failure in one durable log

Usage: ./weir <command> [flags]

${lines.join("\n")}

./weir <command> --help says more about one of them.`
}

const isHelp = (word: string | undefined) => word === "--help" || word === "-h"

/** Everything before `--` is ours to look at for `--help`. */
const asksForHelp = (args: ReadonlyArray<string>) =>
  (args.includes("--") ? args.slice(0, args.indexOf("--")) : args).some(isHelp)

const help = async (about: string | undefined): Promise<number> => {
  if (about === undefined) console.log(await overview())
  else console.log((await loadCommand(about)).usage)
  return EXIT_DONE
}

const runCommand = async (words: ReadonlyArray<string>): Promise<number> => {
  const [name, ...args] = words
  if (name === undefined) {
    console.error(await overview())
    return EXIT_USAGE
  }
  if (name === "help" || isHelp(name)) return help(args[0])
  if (!commandNames.includes(name)) {
    throw new UsageError(`there is no command "${name}"; ./weir help lists them`)
  }
  return asksForHelp(args) ? help(name) : (await loadCommand(name)).run(args)
}

const words = process.argv.slice(2)
try {
  process.exitCode = await runCommand(words)
} catch (error) {
  if (error instanceof UsageError) {
    const more = words[0] !== undefined && commandNames.includes(words[0]) ? ` ${words[0]}` : ""
    console.error(`weir${more}: ${error.message}\n./weir${more} --help says what it takes.`)
    process.exitCode = EXIT_USAGE
  } else {
    // A sentence for what a user can mend, a stack for what only we can.
    const known = error instanceof CommandFailed || (error instanceof Error && "_tag" in error)
    console.error(known ? `weir: ${error.message}` : error)
    process.exitCode = EXIT_FAILED
  }
}
