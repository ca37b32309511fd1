// Those who say what came true: one by one and in bulk over HTTP, and straight to the subject. They
// try again when a gateway goes away.
import type { Log } from "#core/log/log"
import { outcomeSubject } from "#proto/subjects"
import { FLIGHTS } from "./flights.ts"
import type { PlannedPrediction } from "./outcome-plan.ts"
import type { PatientCaller } from "./patient-caller.ts"

/** Predictions in one bulk. */
const BULK = 50
export const BAD_BODIES = ["{", '{"value":7}'] as const

export interface AnsweredPrediction extends PlannedPrediction {
  readonly id: string
  readonly position: number
  readonly predicted: ReadonlyArray<number>
  /** Probability of class 1, a row each. */
  readonly positive: ReadonlyArray<number>
}

export interface SenderTools {
  readonly log: Log
  readonly caller: PatientCaller
  /** Told of each answer whose prediction the hot log no longer had. */
  readonly onDropped: () => void
}

/** One after the other; units are independent of each other. */
export type Unit = (tools: SenderTools) => Promise<void>

const BASE = `/v2/models/${FLIGHTS}`

export const sayOverHttp = async (
  { caller, onDropped }: SenderTools,
  id: string,
  body: unknown,
): Promise<void> => {
  const path = `${BASE}/predictions/${id}/outcome`
  const { status, text } = await caller.ask(path, { method: "POST", body: JSON.stringify(body) })
  if (status !== 200) throw new Error(`an outcome was answered ${status} ${text}`)
  if (!text.includes('"joined"')) onDropped()
}

export const sayBySubject = async ({ log }: SenderTools, id: string, text: string) => {
  const payload = new TextEncoder().encode(text)
  const { kind } = await log.publisher.publish(outcomeSubject(FLIGHTS, id), payload)
  if (kind !== "stored") throw new Error(`an outcome was not stored: ${kind}`)
}

/** A bulk whose gateway goes away breaks off; what it had stored is stored once. */
const bulk = async (
  { caller, onDropped }: SenderTools,
  type: string,
  body: string,
  lines: number,
): Promise<void> => {
  for (;;) {
    const init = { method: "POST", body, headers: { "Content-Type": type } }
    const { status, text } = await caller.ask(`${BASE}/outcomes`, init)
    const told = text.split("\n").filter((line) => line !== "")
    const good = told.filter((line) => /"status":"(recorded|corrected|unchanged)"/u.test(line))
    if (status === 200 && good.length === lines) {
      for (const line of good) if (!line.includes('"joined"')) onDropped()
      return
    }
  }
}

const valueOf = ({ truth }: PlannedPrediction) => (truth.length === 1 ? truth[0] : truth)

const single = (one: AnsweredPrediction): Unit | undefined => {
  const { id, position, truth, way } = one
  const value = valueOf(one)
  switch (way) {
    case "once":
      return (tools) => sayOverHttp(tools, id, { value })
    case "twice":
      return async (tools) => {
        await sayOverHttp(tools, id, { value })
        await sayOverHttp(tools, id, { value })
      }
    case "corrected":
      return async (tools) => {
        await sayOverHttp(tools, id, { value: truth.map((label) => 1 - label) })
        await sayOverHttp(tools, id, { value: truth, position })
      }
    case "row by row, last first":
      return async (tools) => {
        for (const [row, label] of [...truth.entries()].toReversed())
          await sayOverHttp(tools, id, { values: [{ row, value: label }] })
      }
    case "by subject, twice, without a position":
      return async (tools) => {
        await sayBySubject(tools, id, JSON.stringify({ value }))
        await sayBySubject(tools, id, JSON.stringify({ value, observed_at: "2026-01-31" }))
      }
    case "by subject, with a position":
      return (tools) => sayBySubject(tools, id, JSON.stringify({ id, value, position }))
    default:
      return undefined
  }
}

const inBulks = (
  some: ReadonlyArray<AnsweredPrediction>,
  send: (tools: SenderTools, chunk: ReadonlyArray<AnsweredPrediction>) => Promise<void>,
): ReadonlyArray<Unit> =>
  Array.from({ length: Math.ceil(some.length / BULK) }, (_, at) => (tools: SenderTools) => {
    const chunk = some.slice(at * BULK, (at + 1) * BULK)
    return send(tools, chunk)
  })

const asLines = (tools: SenderTools, chunk: ReadonlyArray<AnsweredPrediction>) => {
  const lines = chunk.map((one) => JSON.stringify({ id: one.id, value: valueOf(one) }))
  return bulk(tools, "application/x-ndjson", lines.join("\n"), lines.length)
}

const asTable = (tools: SenderTools, chunk: ReadonlyArray<AnsweredPrediction>) => {
  const lines = chunk.flatMap(({ id, truth }) => truth.map((label, row) => `${id},${row},${label}`))
  return bulk(tools, "text/csv", ["id,row,value", ...lines].join("\n"), lines.length)
}

export interface Extra {
  /** Outcomes of ids that were never asked. */
  readonly unknown: number
  /** Of each of the bad bodies, on ids that are there. */
  readonly bad: number
}

/** Everything that is said after the predictions, in no order yet. */
export const unitsOf = (
  answered: ReadonlyArray<AnsweredPrediction>,
  { unknown, bad }: Extra,
): ReadonlyArray<Unit> => {
  const of = (way: PlannedPrediction["way"]) => answered.filter((one) => one.way === way)
  const unknowns = Array.from(
    { length: unknown },
    (_, at): Unit =>
      (tools) =>
        sayOverHttp({ ...tools, onDropped: () => undefined }, `nobody-${at}`, { value: 1 }),
  )
  const bads = answered.slice(0, bad).flatMap(({ id }) =>
    BAD_BODIES.map(
      (text): Unit =>
        (tools) =>
          sayBySubject(tools, id, text),
    ),
  )
  return [
    ...answered.flatMap((one) => single(one) ?? []),
    ...inBulks(of("in a bulk of lines"), asLines),
    ...inBulks(of("in a bulk of CSV, a line a row"), asTable),
    ...unknowns,
    ...bads,
  ]
}
