// What the tests of the monitor share: a model with a signature, facts about it published straight
// to the log, and the findings that came of them.
import { encodeTexts } from "../core/inference/string-elements.ts"
import { signatureDigest } from "../core/inference/signature-derivation.ts"
import { readRange } from "../core/log/follow.ts"
import type { Log } from "../core/log/log.ts"
import { execute } from "../core/registry/commands.ts"
import { seededRandom } from "../core/statistics/seeded-random.ts"
import {
  driftFindingCodec,
  driftSubject,
  windowFindingCodec,
  windowSubject,
  type DriftFinding,
  type WindowFinding,
} from "../proto/finding.ts"
import { predictionCodec, type Prediction } from "../proto/prediction.ts"
import type { Signature } from "../proto/signature.ts"
import { FINDINGS, predictionSubject } from "../proto/subjects.ts"
import type { Tensor } from "../proto/tensor.ts"

export const SIGNATURE: Signature = {
  task: "classification",
  features: [
    { name: "age", tensor: "x", column: 0, type: "number", missing: "nan" },
    { name: "income", tensor: "x", column: 1, type: "number", missing: "nan" },
    { name: "city", tensor: "city", column: 0, type: "string" },
  ],
  inputs: [
    { name: "x", datatype: "FP32", shape: [-1, 2] },
    { name: "city", datatype: "BYTES", shape: [-1, 1] },
  ],
  outputs: [
    { name: "label", datatype: "INT64", shape: [-1] },
    { name: "probabilities", datatype: "FP32", shape: [-1, 2] },
  ],
  label: "label",
  probability: "probabilities",
  classes: [0, 1],
  positiveClass: 1,
  batching: true,
}

export interface Row {
  readonly age: number
  readonly income: number
  readonly city: string
  /** Of the positive class. */
  readonly probability: number
}

/** Rows that never drift, unless `change` makes them. */
export const rows = (
  count: number,
  seed: number,
  change: (row: Row, at: number) => Row = (row) => row,
): ReadonlyArray<Row> => {
  const random = seededRandom(seed)
  const cities = ["Bern", "Lyon", "Oslo"]
  return Array.from({ length: count }, (_, at) =>
    change(
      {
        age: 20 + 60 * random(),
        income: 1_000 * (random() + random()),
        city: cities[Math.floor(random() * cities.length)] ?? "",
        probability: random(),
      },
      at,
    ),
  )
}

const floats = (
  name: string,
  shape: ReadonlyArray<number>,
  values: ReadonlyArray<number>,
): Tensor => ({
  name,
  datatype: "FP32",
  shape,
  data: new Uint8Array(Float32Array.from(values).buffer),
})

/** The facts of an answered request; the n-th is as if stored n seconds after the first. */
export const factOf = (model: string, at: number, given: ReadonlyArray<Row>): Prediction => {
  const n = given.length
  const stored = 1_700_000_000_000 + at * 1_000
  const labels = BigInt64Array.from(given, ({ probability }) => (probability > 0.5 ? 1n : 0n))
  return {
    id: `fact-${at}`,
    model,
    version: "1",
    request: {
      inputs: [
        floats(
          "x",
          [n, 2],
          given.flatMap(({ age, income }) => [age, income]),
        ),
        {
          name: "city",
          datatype: "BYTES",
          shape: [n, 1],
          data: encodeTexts(given.map(({ city }) => city)),
        },
      ],
    },
    outputs: [
      { name: "label", datatype: "INT64", shape: [n], data: new Uint8Array(labels.buffer) },
      floats(
        "probabilities",
        [n, 2],
        given.flatMap(({ probability }) => [1 - probability, probability]),
      ),
    ],
    times: { stored, taken: stored },
    deliveries: 1,
  }
}

export const failedFact = (model: string, at: number): Prediction => ({
  id: `fact-${at}`,
  model,
  version: "1",
  failure: { reason: "model_error", message: "no" },
  times: { stored: 1_700_000_000_000 + at * 1_000, taken: 0 },
  deliveries: 1,
})

/** Registers and promotes a version of a model without bytes: the monitor never loads any. */
export const register = async (
  log: Log,
  model: string,
  { version = "1", signature = SIGNATURE } = {},
): Promise<void> => {
  await execute(log, model, {
    type: "Register",
    version,
    digest: "ab".repeat(32),
    bytes: 1,
    signature,
    signatureDigest: signatureDigest(signature),
    source: "test",
    at: 1,
  })
  await execute(log, model, { type: "Promote", version, evidence: "test", at: 2 })
}

const PUBLISHED_AT_ONCE = 1_000

/** Stores facts in their order. */
export const store = async (log: Log, facts: ReadonlyArray<Prediction>): Promise<void> => {
  for (let from = 0; from < facts.length; from += PUBLISHED_AT_ONCE) {
    const published = await Promise.all(
      facts
        .slice(from, from + PUBLISHED_AT_ONCE)
        .map((fact) =>
          log.publisher.publish(
            predictionSubject(fact.model, fact.id),
            predictionCodec.encode(fact),
          ),
        ),
    )
    const refused = published.find(({ kind }) => kind !== "stored")
    if (refused !== undefined) throw new Error(`not stored: ${JSON.stringify(refused)}`)
  }
}

/** Facts of one row each. */
export const singles = (
  model: string,
  given: ReadonlyArray<Row>,
  first = 0,
): ReadonlyArray<Prediction> => given.map((row, at) => factOf(model, first + at, [row]))

export interface Findings {
  readonly windows: ReadonlyArray<WindowFinding>
  readonly drift: ReadonlyArray<DriftFinding>
}

export const findingsOf = async (log: Log, model: string): Promise<Findings> => {
  const read = async <A>(filter: string, decode: (bytes: Uint8Array) => A) => {
    const found: Array<A> = []
    const { state } = await log.manager.streams.info(FINDINGS)
    const range = { stream: FINDINGS, from: 1, to: Math.max(1, state.last_seq), filter }
    for await (const entry of readRange(log, range)) found.push(decode(entry.data))
    return found
  }
  return {
    windows: await read(windowSubject(model), windowFindingCodec.decode),
    drift: await read(driftSubject(model), driftFindingCodec.decode),
  }
}

/** The findings without the times at which they were written. */
export const timeless = ({ windows, drift }: Findings): ReadonlyArray<unknown> =>
  [...windows, ...drift].map((one) => ({ ...one, at: 0 }))
