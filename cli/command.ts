// What a command of `weir` is, and how its words become values: unknown flags and bad values are
// refused in a sentence that names them. It runs nothing.
import { parseArgs } from "node:util"

/** Exit codes: done, something failed, the command line is wrong. */
export const EXIT_DONE = 0
export const EXIT_FAILED = 1
export const EXIT_USAGE = 2

export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** The whole text of `--help`. */
  readonly usage: string
  /** Resolves with the exit code; a UsageError becomes exit code 2. */
  readonly run: (args: ReadonlyArray<string>) => Promise<number>
}

/** The command line is wrong; the message says which word and what would be right. */
export class UsageError extends Error {
  override readonly name = "UsageError"
}

/** A failure that the user can mend: its message is shown without a stack. */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed"
}

export interface Flag {
  /** Name of the value in the help, or undefined for a switch. */
  readonly value?: string
  readonly help: string
}

export type Flags = Readonly<Record<string, Flag>>

export interface Words<Known extends Flags> {
  readonly flags: { readonly [Name in keyof Known]?: string }
  readonly switches: ReadonlySet<keyof Known>
  readonly positionals: ReadonlyArray<string>
}

const sentence = (error: unknown): string => {
  const text = error instanceof Error ? error.message : String(error)
  return text.split(". To specify")[0]?.replace(/\.$/, "") ?? text
}

/**
 * Reads a command's words: `--name value`, `--name=value`, switches and what remains.
 *
 * @throws UsageError for an unknown flag, a flag without its value or given twice, or more than
 * `positionalsMax` other words.
 */
export const readWords = <Known extends Flags>(
  args: ReadonlyArray<string>,
  known: Known,
  positionalsMax = 0,
): Words<Known> => {
  const options = Object.fromEntries(
    Object.entries(known).map(([name, flag]) => [
      name,
      { type: flag.value === undefined ? ("boolean" as const) : ("string" as const) },
    ]),
  )
  try {
    const { values, positionals, tokens } = parseArgs({
      args: [...args],
      options,
      allowPositionals: true,
      tokens: true,
    })
    const given = tokens.flatMap((token) =>
      token.kind === "option" && token.value !== undefined ? [token.name] : [],
    )
    const repeated = given.find((name, index) => given.indexOf(name) < index)
    if (repeated !== undefined) throw new UsageError(`--${repeated} is given more than once`)
    const surplus = positionals[positionalsMax]
    if (surplus !== undefined) throw new UsageError(`unexpected word "${surplus}"`)
    const entries = Object.entries(values)
    const texts = entries.filter(([, value]) => typeof value === "string")
    const set = entries.filter(([, value]) => value === true).map(([name]) => name)
    // Boundary: parseArgs checked the names against `known`.
    return {
      flags: Object.fromEntries(texts) as Words<Known>["flags"],
      switches: new Set(set),
      positionals,
    }
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(sentence(error))
  }
}

/** A flag's value as a whole number in [least, most]. */
export const wholeNumber = (
  flag: string,
  text: string | undefined,
  range: { readonly least: number; readonly most: number; readonly otherwise: number },
): number => {
  if (text === undefined) return range.otherwise
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= range.least && value <= range.most) return value
  throw new UsageError(
    `--${flag} must be a whole number from ${range.least} to ${range.most}, got "${text}"`,
  )
}

/** The flags as lines for `--help`, in the order in which they were written. */
export const describeFlags = (flags: Flags): string => {
  const heads = Object.entries(flags).map(([name, flag]) => ({
    head: flag.value === undefined ? `--${name}` : `--${name} ${flag.value}`,
    help: flag.help,
  }))
  const width = Math.max(...heads.map(({ head }) => head.length))
  return heads.map(({ head, help }) => `  ${head.padEnd(width)}  ${help}`).join("\n")
}
