// A small model that the tests of this folder share: a number, a text and a label.
import { encodeTexts } from "#core/inference/string-elements"
import type { Prediction } from "#proto/prediction"
import type { Signature } from "#proto/signature"

export const CUSTOMERS: Signature = {
  task: "classification",
  features: [
    { name: "age", tensor: "age", column: 0, type: "number", missing: "nan" },
    { name: "city", tensor: "city", column: 0, type: "string" },
  ],
  inputs: [
    { name: "age", datatype: "FP64", shape: [-1, 1] },
    { name: "city", datatype: "BYTES", shape: [-1, 1] },
  ],
  outputs: [{ name: "label", datatype: "INT64", shape: [-1] }],
  label: "label",
  batching: true,
}

export interface Customer {
  readonly age: number
  readonly city: string
}

/** The n-th fact, as if stored n seconds after a multiple of four; without rows a failure. */
export const customersFact = (at: number, customers: ReadonlyArray<Customer>): Prediction => {
  const n = customers.length
  const stored = 1_700_000_000_000 + at * 1_000
  const about = {
    id: `fact-${at}`,
    model: "customers",
    version: "1",
    times: { stored, taken: stored },
    deliveries: 1,
  }
  if (n === 0) return { ...about, failure: { reason: "model_error", message: "no" } }
  const ages = Float64Array.from(customers, ({ age }) => age)
  const labels = BigInt64Array.from(customers, ({ age }) => BigInt(age > 30 ? 1 : 0))
  return {
    ...about,
    request: {
      inputs: [
        { name: "age", datatype: "FP64", shape: [n, 1], data: new Uint8Array(ages.buffer) },
        {
          name: "city",
          datatype: "BYTES",
          shape: [n, 1],
          data: encodeTexts(customers.map(({ city }) => city)),
        },
      ],
    },
    outputs: [
      { name: "label", datatype: "INT64", shape: [n], data: new Uint8Array(labels.buffer) },
    ],
  }
}
