// The flights that the demonstration plays, each as the body of its request and with what is known
// to have happened.
import { readFile } from "node:fs/promises"
import { DELAYED_ABOVE_MINUTES, parseFlights } from "../../examples/flights/flights.ts"
import { inProject } from "../project.ts"

export interface PlayedFlight {
  readonly body: string
  /** Local time of departure, as in the table. */
  readonly date: string
  readonly wasLate: boolean
}

/** The first `count` flights of the table, which is in the order of departure. */
export const flightsInOrder = async (count: number): Promise<ReadonlyArray<PlayedFlight>> => {
  const text = await readFile(inProject("examples", "flights", "flights.csv"), "utf8")
  return parseFlights(text)
    .slice(0, count)
    .map(({ distance, hour, weekday, origin, destination, date, delay }) => ({
      body: JSON.stringify({ data: [{ distance, hour, weekday, origin, destination }] }),
      date,
      wasLate: delay > DELAYED_ABOVE_MINUTES,
    }))
}
