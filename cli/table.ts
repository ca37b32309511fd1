// Tables and figures for people. What comes from outside is stripped of control characters, so that
// no stored text can drive the reader's terminal.

export interface Column {
  readonly name: string
  readonly align?: "left" | "right"
}

const KIB = 1_024
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const
const SECOND_MILLIS = 1_000
const MINUTE_MILLIS = 60 * SECOND_MILLIS
const HOUR_MILLIS = 60 * MINUTE_MILLIS
const DAY_MILLIS = 24 * HOUR_MILLIS

const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu

/** The text on one line and without what a terminal would obey. */
export const plain = (text: string): string => text.replace(CONTROL, " ").trim()

/** At most `most` characters; what is left out is marked. */
export const shorten = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most - 1).toWellFormed()}…`

const pad = (text: string, width: number, align: Column["align"]): string => {
  const room = " ".repeat(Math.max(0, width - Bun.stringWidth(text)))
  return align === "right" ? room + text : text + room
}

/** Rows under their heads, columns two spaces apart. */
export const table = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
): string => {
  const cells = rows.map((row) => columns.map((_, at) => plain(row[at] ?? "")))
  const widths = columns.map(({ name }, at) =>
    Math.max(Bun.stringWidth(name), ...cells.map((row) => Bun.stringWidth(row[at] ?? ""))),
  )
  const line = (row: ReadonlyArray<string>) =>
    columns
      .map(({ align }, at) => pad(row[at] ?? "", widths[at] ?? 0, align))
      .join("  ")
      .trimEnd()
  return [line(columns.map(({ name }) => name)), ...cells.map(line)].join("\n")
}

/** Names with their values, one a line; those without a value are left out. */
export const fields = (
  pairs: ReadonlyArray<readonly [name: string, value: string | undefined]>,
  indent = "",
): string => {
  const shown = pairs.flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [[name, plain(value)] as const],
  )
  const width = Math.max(0, ...shown.map(([name]) => name.length))
  return shown.map(([name, value]) => `${indent}${name.padEnd(width)}  ${value}`).join("\n")
}

export const bytesText = (bytes: number): string => {
  let value = bytes
  let unit = 0
  while (value >= KIB && unit < UNITS.length - 1) {
    value /= KIB
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`
}

/** A length of time in the unit that fits it. */
export const durationText = (millis: number): string => {
  if (!Number.isFinite(millis)) return "never"
  if (millis < SECOND_MILLIS) return `${Math.round(millis * 10) / 10} ms`
  if (millis < MINUTE_MILLIS) return `${(millis / SECOND_MILLIS).toFixed(1)} s`
  if (millis < HOUR_MILLIS) return `${(millis / MINUTE_MILLIS).toFixed(1)} min`
  if (millis < 2 * DAY_MILLIS) return `${(millis / HOUR_MILLIS).toFixed(1)} h`
  return `${(millis / DAY_MILLIS).toFixed(1)} d`
}

/** Milliseconds since 1970 as ISO 8601 in UTC; empty for a time that is none. */
export const timeText = (millis: number): string => {
  const date = new Date(millis)
  return Number.isNaN(date.getTime()) ? "" : date.toISOString()
}

export const countText = (count: number): string => count.toLocaleString("en-US")
