import { beforeAll, describe, expect, test } from "bun:test"
import { DeclaredSignature } from "#proto/signature"
import { Schema } from "effect"
import { InferenceSession, Tensor } from "onnxruntime-node"
import expected from "./expected.json"
import { DELAYED_ABOVE_MINUTES, type Flight, parseFlights } from "./flights.ts"
import declared from "./models/flights/1/signature.json"

const signature = Schema.decodeUnknownSync(DeclaredSignature)(declared, {
  onExcessProperty: "error",
})
const MODEL = `${import.meta.dir}/models/flights/1/model.onnx`
const ROWS = 20_000
/** Bit-equal where they were recorded; another CPU's exp() may differ in the last places. */
const PROBABILITY_TOLERANCE = 1e-6

function feeds(rows: ReadonlyArray<Flight>) {
  const shape = [rows.length, 1]
  const integers = (of: (row: Flight) => number) =>
    new Tensor(
      "int64",
      BigInt64Array.from(rows, (row) => BigInt(of(row))),
      shape,
    )
  const strings = (of: (row: Flight) => string) => new Tensor("string", rows.map(of), shape)
  return {
    distance: new Tensor(
      "float32",
      Float32Array.from(rows, (row) => row.distance),
      shape,
    ),
    hour: integers((row) => row.hour),
    weekday: integers((row) => row.weekday),
    origin: strings((row) => row.origin),
    destination: strings((row) => row.destination),
  }
}

/** Mann-Whitney: the share of (delayed, punctual) pairs ranked rightly, ties counting a half. */
function areaUnderCurve(scores: ReadonlyArray<number>, positive: ReadonlyArray<boolean>): number {
  const ranked = scores
    .map((score, index) => ({ score, positive: positive[index] === true }))
    .toSorted((a, b) => a.score - b.score)
  const groups = Map.groupBy(ranked, ({ score }) => score)
  let negativesBelow = 0
  let wins = 0
  let positives = 0
  for (const tied of groups.values()) {
    const up = tied.filter((row) => row.positive).length
    const down = tied.length - up
    wins += up * (negativesBelow + down / 2)
    negativesBelow += down
    positives += up
  }
  return wins / (positives * negativesBelow)
}

const numbers = (values: Iterable<unknown>) => Array.from(values, Number)

let flights: ReadonlyArray<Flight>
let session: InferenceSession

async function predict(rows: ReadonlyArray<Flight>) {
  const { label, probabilities } = await session.run(feeds(rows))
  if (!(label?.data instanceof BigInt64Array)) throw new Error("label is not INT64")
  if (!(probabilities?.data instanceof Float32Array)) throw new Error("probabilities are not FP32")
  expect(label.dims).toEqual([rows.length])
  expect(probabilities.dims).toEqual([rows.length, 2])
  const pairs = Array.from(probabilities.data)
  return {
    labels: Array.from(label.data, Number),
    punctual: pairs.filter((_, index) => index % 2 === 0),
    delayed: pairs.filter((_, index) => index % 2 === 1),
  }
}

beforeAll(async () => {
  flights = parseFlights(await Bun.file(`${import.meta.dir}/flights.csv`).text())
  session = await InferenceSession.create(MODEL, { intraOpNumThreads: 1, interOpNumThreads: 1 })
})

describe("the flight records", () => {
  test("are 20,000 in the order of their departures", () => {
    expect(flights.length).toBe(ROWS)
    const dates = flights.map((flight) => flight.date)
    expect(dates).toEqual(dates.toSorted())
    expect(dates[0]).toBe("2001-01-01T00:47")
    expect(dates.at(-1)).toBe("2001-03-31T22:27")
  })

  test("carry the hour and the weekday of their own date, Monday being 0", () => {
    for (const { date, hour, weekday } of flights) {
      const moment = new Date(`${date}Z`)
      expect([hour, weekday]).toEqual([moment.getUTCHours(), (moment.getUTCDay() + 6) % 7])
    }
  })

  test("before the held-out month are what the signature says that training saw", () => {
    const trained = flights.filter((flight) => flight.date < expected.testFrom)
    for (const { name, range, categories } of signature.features ?? []) {
      const seen = new Set(trained.map((flight) => new Map(Object.entries(flight)).get(name)))
      if (categories) expect([...seen].toSorted()).toEqual([...categories])
      else expect([Math.min(...numbers(seen)), Math.max(...numbers(seen))]).toEqual([...range!])
    }
    const days = trained.map((flight) => flight.date.slice(0, 10))
    expect(signature.training).toEqual({ from: days[0]!, to: days.at(-1)! })
  })

  test("are refused with the number of a broken line", () => {
    const header = "date,distance,hour,weekday,origin,destination,delay"
    expect(() => parseFlights(`${header}\n2001-01-01T00:47,far,0,0,DTW,LAS,66\n`)).toThrow("line 2")
    expect(() => parseFlights("distance,date\n")).toThrow("line 1")
  })
})

describe("the flights model", () => {
  test("has the inputs and outputs that its signature names", () => {
    expect(session.inputNames).toEqual(signature.features!.map((feature) => feature.tensor))
    expect(session.outputNames).toEqual([signature.label!, signature.probability!])
    const [distance, hour, weekday, origin, destination] = session.inputMetadata.map((input) =>
      input.isTensor ? input.type : "not a tensor",
    )
    expect([distance, hour, weekday]).toEqual(["float32", "int64", "int64"])
    expect([origin, destination]).toEqual(["string", "string"])
  })

  test("answers as ONNX Runtime in Python did", async () => {
    const rows = flights.slice(0, expected.delayed.length)
    const { labels, delayed } = await predict(rows)
    expect(labels).toEqual(expected.labels)
    const gaps = delayed.map((probability, index) =>
      Math.abs(probability - (expected.delayed[index] ?? Number.NaN)),
    )
    expect(Math.max(...gaps)).toBeLessThanOrEqual(PROBABILITY_TOLERANCE)
  })

  test("gives finite probabilities that sum to one", async () => {
    const { punctual, delayed } = await predict(flights.slice(0, 200))
    delayed.forEach((probability, index) => {
      expect(probability).toBeGreaterThan(0)
      expect(probability).toBeLessThan(1)
      expect(probability + (punctual[index] ?? Number.NaN)).toBeCloseTo(1, 6)
    })
  })

  test("answers for an airport that it has never seen", async () => {
    const known = flights.slice(0, 1)
    const { delayed } = await predict(known.map((row) => ({ ...row, origin: "never seen é" })))
    expect(delayed[0]).toBeGreaterThan(0)
  })

  test("reaches on the held-out month the AUC that the README states", async () => {
    const heldOut = flights.filter((flight) => flight.date >= expected.testFrom)
    const { delayed } = await predict(heldOut)
    const late = heldOut.map((flight) => flight.delay > DELAYED_ABOVE_MINUTES)
    const readme = await Bun.file(`${import.meta.dir}/README.md`).text()
    const stated = Number(/held-out AUC is (0\.\d+)/.exec(readme)?.[1])
    expect(Math.abs(areaUnderCurve(delayed, late) - stated)).toBeLessThan(0.01)
  })
})
