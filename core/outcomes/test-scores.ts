// A model of two classes whose facts are made up, for the tests of ground truth.
import { encodeTexts } from "#core/inference/string-elements"
import type { Prediction } from "#proto/prediction"
import type { Signature } from "#proto/signature"
import { Ledger, type LedgerOptions } from "./ledger.ts"

export const SCORES: Signature = {
  task: "classification",
  features: [{ name: "city", tensor: "city", column: 0, type: "string" }],
  inputs: [{ name: "city", datatype: "BYTES", shape: [-1, 1] }],
  outputs: [
    { name: "label", datatype: "INT64", shape: [-1] },
    { name: "probabilities", datatype: "FP64", shape: [-1, 2] },
  ],
  label: "label",
  probability: "probabilities",
  classes: [0, 1],
  positiveClass: 1,
  batching: true,
}

export const FIRST_AT = 1_700_000_000_000

/** The n-th fact, a row for each probability, stored n seconds after the first. */
export const scoredFact = (
  at: number,
  probabilities: ReadonlyArray<number>,
  more: Partial<Prediction> = {},
): Prediction => {
  const rows = probabilities.length
  const stored = FIRST_AT + at * 1_000
  const labels = BigInt64Array.from(probabilities, (p) => (p > 0.5 ? 1n : 0n))
  const both = Float64Array.from(probabilities.flatMap((p) => [1 - p, p]))
  const cities = probabilities.map((_, row) => ((at + row) % 2 === 0 ? "Bern" : "Oslo"))
  return {
    id: `id-${at}`,
    model: "scores",
    version: "1",
    request: {
      inputs: [{ name: "city", datatype: "BYTES", shape: [rows, 1], data: encodeTexts(cities) }],
    },
    outputs: [
      { name: "label", datatype: "INT64", shape: [rows], data: new Uint8Array(labels.buffer) },
      {
        name: "probabilities",
        datatype: "FP64",
        shape: [rows, 2],
        data: new Uint8Array(both.buffer),
      },
    ],
    times: { stored, taken: stored },
    deliveries: 1,
    ...more,
  }
}

export const scoresLedger = (options: Partial<LedgerOptions> = {}): Ledger =>
  new Ledger({
    rule: { kind: "rows", rows: 10 },
    from: 1,
    firstNumber: 1,
    horizonMillis: 1_000_000,
    factsMax: 1_000,
    signatureOf: (version) => (version === undefined ? undefined : SCORES),
    sliceFeatures: ["city"],
    ...options,
  })

/** Tells the ledger an outcome of the n-th fact, as JSON or as the text that it is. */
export const tell = (
  ledger: Ledger,
  id: string,
  body: unknown,
  position: number,
  at = FIRST_AT + 60_000,
): void => {
  const text = typeof body === "string" ? body : JSON.stringify(body)
  ledger.takeOutcome({ id, position, at, data: new TextEncoder().encode(text) })
}
