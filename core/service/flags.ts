// Settings as flags of a process: each variable has one, made from its name, and a flag wins over
// the variable. It reads no values; that is done by the settings, in one way for both.
import { parseArgs } from "node:util"
import { SettingsInvalid, type Environment, type Settings } from "./settings.ts"

const PREFIX = "WEIR_"
/** Short names, where no setting of the process has that name by itself. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  nats: "NATS_URL",
  port: "WEIR_STATUS_PORT",
}

/** `WEIR_STATUS_PORT` as `status-port`. */
export const flagOf = (variable: string): string =>
  (variable.startsWith(PREFIX) ? variable.slice(PREFIX.length) : variable)
    .toLowerCase()
    .replaceAll("_", "-")

/** Variables by flag. */
const flagsOf = (settings: Settings): ReadonlyMap<string, string> => {
  const variables = Object.values(settings).map(({ variable }) => variable)
  const short = Object.entries(SHORT_NAMES).filter(([, variable]) => variables.includes(variable))
  return new Map([...short, ...variables.map((variable) => [flagOf(variable), variable] as const)])
}

const sentence = (cause: unknown): string => {
  const text = cause instanceof Error ? cause.message : String(cause)
  return `${text.split(". To specify")[0]?.replace(/\.$/, "") ?? text}; --help lists the flags`
}

/**
 * The variables that flags set, by name; the last of a flag counts.
 *
 * @throws SettingsInvalid naming a flag that there is not, or that has no value.
 */
export const readFlags = (settings: Settings, args: ReadonlyArray<string>): Environment => {
  const flags = flagsOf(settings)
  const options = Object.fromEntries(
    [...flags.keys()].map((flag) => [flag, { type: "string" as const }]),
  )
  try {
    const { values } = parseArgs({ args: [...args], options, allowPositionals: false })
    return Object.fromEntries(
      Object.entries(values).flatMap(([flag, value]) => {
        const variable = flags.get(flag)
        return variable === undefined || typeof value !== "string" ? [] : [[variable, value]]
      }),
    )
  } catch (cause) {
    throw new SettingsInvalid({ problems: [sentence(cause)] })
  }
}

/** The flags as lines for `--help`, with the variable and the default of each. */
export const describeSettings = (settings: Settings): string => {
  const names = new Map([...flagsOf(settings)].map(([flag, variable]) => [variable, flag]))
  for (const [flag, variable] of Object.entries(SHORT_NAMES))
    if (flagsOf(settings).get(flag) === variable) names.set(variable, flag)
  const lines = Object.values(settings).map((setting) => {
    const { variable, about, secret, fallback } = setting
    const shown = secret ? "" : setting.show(fallback)
    const otherwise = shown === "" ? "" : `, default ${shown}`
    return { head: `--${names.get(variable)} VALUE`, help: `${about} [${variable}${otherwise}]` }
  })
  const width = Math.max(...lines.map(({ head }) => head.length))
  return lines.map(({ head, help }) => `  ${head.padEnd(width)}  ${help}`).join("\n")
}

/** Whether the words ask what they could be. */
export const asksForHelp = (args: ReadonlyArray<string>): boolean =>
  args.includes("--help") || args.includes("-h")
