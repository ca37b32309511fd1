// Predictions to ask for, and what is said of them later in every way and order that labels come
// in, with what each way must amount to; the same for the same seed.
import { keyedId } from "#proto/ids"
import { parseFlights, DELAYED_ABOVE_MINUTES } from "../../examples/flights/flights.ts"
import { inProject } from "../project.ts"
import { FLIGHTS } from "./flights.ts"

export const ROWS_MAX = 3
export const VERSIONS = ["1", "2"] as const

/** How labels come; one in ten predictions each, by turns. */
export const WAYS = [
  "none",
  "once",
  "twice",
  "corrected",
  "row by row, last first",
  "by subject, twice, without a position",
  "by subject, with a position",
  "in a bulk of lines",
  "in a bulk of CSV, a line a row",
  "before its prediction",
] as const
export type Way = (typeof WAYS)[number]

export interface PlannedPrediction {
  readonly index: number
  readonly way: Way
  readonly version: string
  /** Of a `/predict` body. */
  readonly data: ReadonlyArray<ReadonlyArray<number | string>>
  /** What came true, a class for each row. */
  readonly truth: ReadonlyArray<number>
  readonly key: string | undefined
}

/** The id that a planned key gets from a gateway without API keys. */
export const idOfKey = (key: string): string => keyedId("", FLIGHTS, key)

export const planPredictions = async (
  count: number,
  random: () => number,
): Promise<ReadonlyArray<PlannedPrediction>> => {
  const text = await Bun.file(inProject("examples", "flights", "flights.csv")).text()
  const flights = parseFlights(text)
  let next = 0
  return Array.from({ length: count }, (_, index) => {
    const rows = 1 + Math.floor(random() * ROWS_MAX)
    const some = Array.from({ length: rows }, () => flights[next++ % flights.length])
    const known = some.flatMap((flight) => flight ?? [])
    const way = WAYS[index % WAYS.length] ?? "none"
    return {
      index,
      way,
      version: VERSIONS[Math.floor(random() * VERSIONS.length)] ?? "1",
      data: known.map(({ distance, hour, weekday, origin, destination }) => [
        distance,
        hour,
        weekday,
        origin,
        destination,
      ]),
      truth: known.map(({ delay }) => Number(delay > DELAYED_ABOVE_MINUTES)),
      key: way === "before its prediction" ? `early-${index}` : undefined,
    }
  })
}

export interface ExpectedCounts {
  recorded: number
  corrected: number
  repeated: number
}

/** What readers of the log must count of these ways. */
export const expectedCounts = (plan: ReadonlyArray<PlannedPrediction>): ExpectedCounts => {
  const counts = { recorded: 0, corrected: 0, repeated: 0 }
  for (const { way, truth } of plan) {
    if (way === "none") continue
    const byRow = way === "row by row, last first" || way === "in a bulk of CSV, a line a row"
    counts.recorded += byRow ? truth.length : 1
    if (way === "corrected") counts.corrected++
    if (way === "by subject, twice, without a position") counts.repeated++
  }
  return counts
}
