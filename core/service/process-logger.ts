// The logger of this process, as its settings want it.
import { makeLogger, type Level, type Logger } from "./logger.ts"

export interface LoggingValues {
  readonly logLevel: Level
  readonly logFormat: "auto" | "json" | "text"
}

/** Writes to standard error, so that standard output stays free for what a program reads. */
export const processLogger = (service: string, values: LoggingValues): Logger => {
  const terminal = process.stderr.isTTY ? "text" : "json"
  return makeLogger({
    service,
    level: values.logLevel,
    format: values.logFormat === "auto" ? terminal : values.logFormat,
    now: Date.now,
    write: (line) => void process.stderr.write(`${line}\n`),
  })
}
