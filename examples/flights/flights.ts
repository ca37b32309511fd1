// Reads the demo's flight records, one line each; a line that is not a record is refused with its
// number, never skipped.

/** One US flight of early 2001, as it was known at take-off, and how late it arrived. */
export interface Flight {
  /** Local time of actual departure, ISO 8601 to the minute, without a zone. */
  readonly date: string
  /** Miles. */
  readonly distance: number
  /** Hour of `date`, 0 to 23. */
  readonly hour: number
  /** Day of `date`, Monday 0 to Sunday 6. */
  readonly weekday: number
  /** IATA code. */
  readonly origin: string
  /** IATA code. */
  readonly destination: string
  /** Minutes after the scheduled arrival; negative when early. */
  readonly delay: number
}

/** A delay above this many minutes is the positive class of the model. */
export const DELAYED_ABOVE_MINUTES = 15

const HEADER = "date,distance,hour,weekday,origin,destination,delay"
const LINE =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d),(\d{1,5}),(\d{1,2}),([0-6]),([A-Z]{3}),([A-Z]{3}),(-?\d{1,4})$/

/** The records in `text`, the content of `flights.csv`, in its order. Throws on another header or
 * line, naming the line. */
export function parseFlights(text: string): ReadonlyArray<Flight> {
  const [header, ...lines] = text.trimEnd().split("\n")
  if (header !== HEADER) throw new Error(`line 1: expected "${HEADER}", got "${header}"`)
  return lines.map((line, index) => {
    const cells = LINE.exec(line)
    if (cells === null) throw new Error(`line ${index + 2}: not a flight record: "${line}"`)
    const [, date = "", distance, hour, weekday, origin = "", destination = "", delay] = cells
    return {
      date,
      distance: Number(distance),
      hour: Number(hour),
      weekday: Number(weekday),
      origin,
      destination,
      delay: Number(delay),
    }
  })
}
