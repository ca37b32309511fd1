// Facts of a model as a predictor would have written them, with stretches in which people are
// older: what a drift-monitor is to find, the same for the same seed.
import { signatureDigest } from "#core/inference/signature-derivation"
import type { Log } from "#core/log/log"
import { execute } from "#core/registry/commands"
import { predictionCodec, type Prediction } from "#proto/prediction"
import type { Signature } from "#proto/signature"
import { predictionSubject } from "#proto/subjects"
import type { Tensor } from "#proto/tensor"
import { seededRandom } from "./random.ts"

export const PEOPLE = "people"
const SECOND_MILLIS = 1_000
const FIRST_AT = 1_790_000_000_000
/** Windows without and with drift, one after the other. */
const EPISODE_WINDOWS = 9
const OLDER_YEARS = 25
const PUBLISHED_AT_ONCE = 500

const SIGNATURE: Signature = {
  task: "classification",
  features: [
    { name: "age", tensor: "x", column: 0, type: "number" },
    { name: "income", tensor: "x", column: 1, type: "number" },
  ],
  inputs: [{ name: "x", datatype: "FP32", shape: [-1, 2] }],
  outputs: [
    { name: "label", datatype: "INT64", shape: [-1] },
    { name: "probability", datatype: "FP32", shape: [-1, 2] },
  ],
  label: "label",
  probability: "probability",
  classes: [0, 1],
  positiveClass: 1,
  batching: true,
}

/** Registers the model without bytes: who only reads facts loads none. */
export const registerPeople = async (log: Log): Promise<void> => {
  const signature = SIGNATURE
  await execute(log, PEOPLE, {
    type: "Register",
    version: "1",
    digest: "ab".repeat(32),
    bytes: 1,
    signature,
    signatureDigest: signatureDigest(signature),
    source: "show monitor",
    at: 1,
  })
  await execute(log, PEOPLE, { type: "Promote", version: "1", evidence: "show monitor", at: 2 })
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

const factOf = (at: number, rows: number, older: boolean, random: () => number): Prediction => {
  const inputs: Array<number> = []
  const chances: Array<number> = []
  for (let row = 0; row < rows; row++) {
    inputs.push(20 + 60 * random() + (older ? OLDER_YEARS : 0), 1_000 * (random() + random()))
    const chance = random()
    chances.push(1 - chance, chance)
  }
  const labels = BigInt64Array.from({ length: rows }, (_, row) =>
    (chances[2 * row + 1] ?? 0) > 0.5 ? 1n : 0n,
  )
  const stored = FIRST_AT + at * SECOND_MILLIS
  return {
    id: `fact-${at}`,
    model: PEOPLE,
    version: "1",
    request: { inputs: [floats("x", [rows, 2], inputs)] },
    outputs: [
      { name: "label", datatype: "INT64", shape: [rows], data: new Uint8Array(labels.buffer) },
      floats("probability", [rows, 2], chances),
    ],
    times: { stored, taken: stored },
    deliveries: 1,
  }
}

export interface PeopleOptions {
  readonly seed: number
  /** Rows before the first window: the reference. */
  readonly reference: number
  readonly windows: number
  readonly windowRows: number
  readonly rowsOfFact: number
}

/** Facts for the reference and then for each window, in the order of the log. */
export const peopleFacts = (options: PeopleOptions): ReadonlyArray<ReadonlyArray<Prediction>> => {
  const { reference, windows, windowRows, rowsOfFact } = options
  const random = seededRandom(options.seed)
  let at = 0
  const facts = (rows: number, older: boolean) =>
    Array.from({ length: rows / rowsOfFact }, () => factOf(at++, rowsOfFact, older, random))
  return [
    facts(reference, false),
    ...Array.from({ length: windows }, (_, window) =>
      facts(windowRows, Math.floor(window / EPISODE_WINDOWS) % 2 === 1),
    ),
  ]
}

/** Stores facts in their order. */
export const storeFacts = async (log: Log, facts: ReadonlyArray<Prediction>): Promise<void> => {
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
    if (refused !== undefined) throw new Error(`a fact was not stored: ${refused.kind}`)
  }
}
