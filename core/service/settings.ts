// What can be configured, as data: each setting has one environment variable, one meaning and one
// way to be read. Values are read once at start; all bad ones are named together. It never reads
// the environment by itself.
import { Schema } from "effect"

export interface Setting<A> {
  /** Name of the environment variable. */
  readonly variable: string
  /** What it is for, with the unit and the reason of a limit. */
  readonly about: string
  readonly fallback: A
  /** Throws an Error that says what was expected. */
  readonly read: (text: string) => A
  // A method, so that a setting of any type is a setting of something unknown.
  show(value: A): string
  readonly secret: boolean
  /** The text of a bad value without what must not be printed; all of it when missing. */
  readonly redact?: (text: string) => string
}

export type Settings = Readonly<Record<string, Setting<unknown>>>
export type ValuesOf<S> = {
  readonly [K in keyof S]: S[K] extends Setting<infer A> ? A : never
}
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Values that cannot be used; each problem names its variable, what was expected, and what came.
 */
export class SettingsInvalid extends Schema.TaggedError<SettingsInvalid>()("SettingsInvalid", {
  problems: Schema.Array(Schema.String),
}) {
  override get message() {
    return `configuration: ${this.problems.join("; ")}`
  }
}

/** How a process ends whose settings cannot be used: starting it again would change nothing. */
export const BAD_SETTINGS_EXIT_CODE = 2

const TEXT_MAX_CHARACTERS = 4_096

const make = <A>(
  variable: string,
  about: string,
  fallback: A,
  read: (text: string) => A,
  show: (value: A) => string = String,
): Setting<A> => ({ variable, about, fallback, read, show, secret: false })

export const text = (variable: string, about: string, fallback: string): Setting<string> =>
  make(variable, about, fallback, (value) => value)

const optionalShow = (value: string | undefined) => value ?? ""

/** Text that may be left out. */
export const optionalText = (variable: string, about: string): Setting<string | undefined> =>
  make<string | undefined>(variable, about, undefined, (value) => value, optionalShow)

/** Text that is never printed. */
export const secret = (variable: string, about: string): Setting<string | undefined> => ({
  ...optionalText(variable, about),
  secret: true,
})

/** A whole number from `min` to `max`, both included. */
export const integer = (
  variable: string,
  about: string,
  fallback: number,
  min: number,
  max: number,
): Setting<number> =>
  make(variable, `${about} (${min} to ${max})`, fallback, (value) => {
    const number = Number(value)
    if (!/^-?\d{1,15}$/.test(value) || number < min || number > max)
      throw new Error(`a whole number from ${min} to ${max}`)
    return number
  })

export const port = (variable: string, about: string, fallback: number): Setting<number> =>
  integer(variable, about, fallback, 0, 65_535)

/** A port, or undefined where the text is "none". */
export const portOrNone = (
  variable: string,
  about: string,
  fallback: number,
): Setting<number | undefined> => {
  const { read } = port(variable, about, fallback)
  return make<number | undefined>(
    variable,
    about,
    fallback,
    (value) => (value === "none" ? undefined : read(value)),
    (value) => String(value ?? "none"),
  )
}

export const choice = <const C extends string>(
  variable: string,
  about: string,
  fallback: C,
  choices: ReadonlyArray<C>,
): Setting<C> =>
  make(variable, `${about} (${choices.join(", ")})`, fallback, (value) => {
    const found = choices.find((candidate) => candidate === value)
    if (found === undefined) throw new Error(`one of ${choices.join(", ")}`)
    return found
  })

export const toggle = (variable: string, about: string, fallback: boolean): Setting<boolean> =>
  make(variable, `${about} (true, false)`, fallback, (value) => {
    if (value !== "true" && value !== "false") throw new Error("true or false")
    return value === "true"
  })

/** Text that must be of a form: `read` throws an Error that says what was expected. */
export const formed = <A>(
  variable: string,
  about: string,
  read: (text: string) => A,
): Setting<string> =>
  make(variable, about, "", (value) => {
    read(value)
    return value
  })

/** Whole numbers with commas between them. */
export const integers = (
  variable: string,
  about: string,
  fallback: ReadonlyArray<number>,
  min: number,
  max: number,
): Setting<ReadonlyArray<number>> =>
  make<ReadonlyArray<number>>(
    variable,
    `${about} (each ${min} to ${max})`,
    fallback,
    (value) =>
      value.split(",").map((part) => {
        const number = Number(part)
        if (!/^\s*\d{1,15}\s*$/.test(part) || number < min || number > max)
          throw new Error(`whole numbers from ${min} to ${max} with commas between them`)
        return number
      }),
    (value) => value.join(","),
  )

const shorten = (value: string) => (value.length > 80 ? `${value.slice(0, 80)}…` : value)

const readOne = <A>(setting: Setting<A>, environment: Environment): A => {
  const value = environment[setting.variable]
  // An empty variable is what compose files and charts write for "not set".
  if (value === undefined || value === "") return setting.fallback
  const shown = setting.redact?.(value) ?? value
  const came = setting.secret ? "something else" : `"${shorten(shown)}"`
  if (value.length > TEXT_MAX_CHARACTERS)
    throw new Error(`${setting.variable}: expected at most ${TEXT_MAX_CHARACTERS} characters`)
  try {
    return setting.read(value)
  } catch (cause) {
    const expected = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`${setting.variable}: expected ${expected}, got ${came}`)
  }
}

/**
 * Reads all settings from the environment.
 *
 * @throws SettingsInvalid naming every variable that cannot be used.
 */
export const readSettings = <S extends Settings>(
  settings: S,
  environment: Environment,
): ValuesOf<S> => {
  const problems: Array<string> = []
  const values: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries(settings)) {
    try {
      values[name] = readOne(setting, environment)
    } catch (cause) {
      problems.push(cause instanceof Error ? cause.message : String(cause))
    }
  }
  if (problems.length > 0) throw new SettingsInvalid({ problems })
  // Built name by name from the same settings that the type is computed from.
  return values as ValuesOf<S>
}

/** Variable and value of each setting, secrets redacted, for printing at start. */
export const showSettings = <S extends Settings>(
  settings: S,
  values: ValuesOf<S>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(settings).map(([name, setting]) => {
      const value = values[name]
      if (setting.secret) return [setting.variable, value === undefined ? "" : "(set)"]
      return [setting.variable, setting.show(value)]
    }),
  )

/** The text of an `.env` file with every setting, its meaning and its default, commented out. */
export const environmentExample = (
  groups: ReadonlyArray<{ readonly title: string; readonly settings: Settings }>,
): string => {
  const seen = new Set<string>()
  const blocks = groups.map(({ title, settings }) => {
    const lines = Object.values(settings)
      .filter((setting) => !seen.has(setting.variable))
      .flatMap((setting) => {
        seen.add(setting.variable)
        const fallback = setting.secret ? "" : setting.show(setting.fallback)
        return [`# ${setting.about}`, `#${setting.variable}=${fallback}`]
      })
    return [`## ${title}`, ...lines].join("\n")
  })
  return `${blocks.join("\n\n")}\n`
}
