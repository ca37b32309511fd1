// What a process says while it runs: one JSON object a line on a pipe, readable lines on a
// terminal. It never prints request contents, and it is for people and log shippers; what must not
// be lost belongs into the log of facts.

export type Level = "debug" | "info" | "warn" | "error"
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>

const RANK: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3 }

export interface Logger {
  readonly debug: (message: string, fields?: Fields) => void
  readonly info: (message: string, fields?: Fields) => void
  readonly warn: (message: string, fields?: Fields) => void
  readonly error: (message: string, fields?: Fields) => void
}

export interface LoggerOptions {
  readonly service: string
  readonly level: Level
  readonly format: "json" | "text"
  readonly now: () => number
  readonly write: (line: string) => void
}

const readable = (fields: Fields): string =>
  Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${typeof value === "string" ? JSON.stringify(value) : value}`)
    .join("")

export const makeLogger = (options: LoggerOptions): Logger => {
  const say =
    (level: Level) =>
    (message: string, fields: Fields = {}) => {
      if (RANK[level] < RANK[options.level]) return
      const time = new Date(options.now()).toISOString()
      const head = `${time.slice(11, 23)} ${level.padEnd(5)} ${options.service}`
      options.write(
        options.format === "json"
          ? JSON.stringify({ level, time, service: options.service, message, ...fields })
          : `${head}: ${message}${readable(fields)}`,
      )
    }
  return { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") }
}

/** What went wrong, in one line. */
export const reasonOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause)
