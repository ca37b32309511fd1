// What can be typed after each command, read from the commands' own help: nothing is listed twice.
import { loadCommand } from "../commands.ts"
import type { Command } from "../command.ts"

export interface CommandWords {
  readonly name: string
  readonly summary: string
  /** Second words such as `list` in `weir dead list`. */
  readonly actions: ReadonlyArray<string>
  readonly flags: ReadonlyArray<{ readonly name: string; readonly takesValue: boolean }>
}

/** `  --flag VALUE  help` as describeFlags writes it. */
const FLAG_LINE = /^ {2}--([a-z][a-z0-9-]*)(?: (\S+))? {2,}/gmu

const actionsOf = ({ name, usage }: Command): ReadonlyArray<string> => {
  const line = new RegExp(`^(?:Usage:)? +\\./weir ${name} ([a-z]+)\\b`, "gmu")
  return [...new Set([...usage.matchAll(line)].map(([, word = ""]) => word))]
}

const flagsOf = ({ usage }: Command): CommandWords["flags"] => [
  ...[...usage.matchAll(FLAG_LINE)].map(([, name = "", value]) => ({
    name,
    takesValue: value !== undefined,
  })),
  { name: "help", takesValue: false },
]

/** The words of every command that can be run, `help` excepted. */
export const commandWords = async (
  names: ReadonlyArray<string>,
): Promise<ReadonlyArray<CommandWords>> => {
  const commands = await Promise.all(
    names.filter((name) => name !== "help").map((name) => loadCommand(name)),
  )
  return commands.map((command) => ({
    name: command.name,
    summary: command.summary,
    actions: actionsOf(command),
    flags: flagsOf(command),
  }))
}
