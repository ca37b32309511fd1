// The flights as they arrived, month by month, and the model that they are sent to: the rule of the
// US Department of Transportation, late above 15 minutes. It learns nothing: what is of interest is
// what is asked of it.
import { readFile } from "node:fs/promises"
import { ELEMENT, floats, model, node, value } from "#core/inference/onnx-test-models"
import { DELAYED_ABOVE_MINUTES, parseFlights, type Flight } from "../../examples/flights/flights.ts"
import { inParallel } from "../laboratory/patient-caller.ts"
import { inProject } from "../project.ts"

export const ARRIVALS = "arrivals"
export const MONTHS = ["2001-01", "2001-02", "2001-03"] as const
export type Month = (typeof MONTHS)[number]

const ROWS_A_REQUEST = 50
const CALLERS = 8

/** Two inputs, minutes of delay and miles of distance, and whether that is late. */
export const arrivalsModel = (): Uint8Array<ArrayBuffer> =>
  model(
    node("Greater", ["delay", "limit"], ["late"]),
    floats("limit", [1], Float32Array.of(DELAYED_ABOVE_MINUTES)),
    value(11, "delay", ELEMENT.FP32, ["N", 1]),
    value(11, "distance", ELEMENT.FP32, ["N", 1]),
    value(12, "late", ELEMENT.BOOL, ["N", 1]),
  )

/** All 20,000 flights by the month in which they took off. */
export const flightsByMonth = async (): Promise<ReadonlyMap<Month, ReadonlyArray<Flight>>> => {
  const text = await readFile(inProject("examples", "flights", "flights.csv"), "utf8")
  const flights = parseFlights(text)
  return new Map(
    MONTHS.map((month) => [month, flights.filter(({ date }) => date.startsWith(month))] as const),
  )
}

const requestsOf = (flights: ReadonlyArray<Flight>): ReadonlyArray<string> =>
  Array.from({ length: Math.ceil(flights.length / ROWS_A_REQUEST) }, (_, at) => {
    const rows = flights.slice(at * ROWS_A_REQUEST, (at + 1) * ROWS_A_REQUEST)
    return JSON.stringify({ data: rows.map(({ delay, distance }) => ({ delay, distance })) })
  })

/** Sends flights to a gateway; resolves when all are answered, which is when all are in the log. */
export const sendFlights = async (url: string, flights: ReadonlyArray<Flight>): Promise<void> => {
  const ask = async (body: string) => {
    const answer = await fetch(`${url}/predict?model=${ARRIVALS}`, { method: "POST", body })
    const text = await answer.text()
    if (answer.status !== 200) throw new Error(`the gateway said ${answer.status}: ${text}`)
  }
  await inParallel(requestsOf(flights), CALLERS, ask)
}
