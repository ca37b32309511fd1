import { describe, expect, test } from "bun:test"
import { Arbitrary, Schema } from "effect"
import { property } from "../test/support/property.ts"
import { membersDigest, requestDigest } from "./digest.ts"
import { InferenceRequest } from "./request.ts"
import type { Tensor } from "./tensor.ts"

const digest = (request: InferenceRequest) => requestDigest("m", undefined, request)

/** Names made different, as those of a model's inputs are. */
const distinct = (request: InferenceRequest): InferenceRequest => ({
  ...request,
  inputs: request.inputs.map((input, at) => ({ ...input, name: `${at} ${input.name}` })),
})
const requests = Arbitrary.map(Arbitrary.schema(InferenceRequest), distinct)

const changedBytes = (data: Uint8Array): Uint8Array =>
  data.byteLength === 0 ? Uint8Array.of(0) : data.map((byte, at) => (at === 0 ? byte ^ 1 : byte))

const changes: ReadonlyArray<(tensor: Tensor) => Tensor> = [
  (tensor) => ({ ...tensor, name: `${tensor.name}x` }),
  (tensor) => ({ ...tensor, datatype: tensor.datatype === "FP32" ? "INT32" : "FP32" }),
  (tensor) => ({ ...tensor, shape: [...tensor.shape, 1] }),
  (tensor) => ({ ...tensor, data: changedBytes(tensor.data) }),
]

describe("the digest of a request", () => {
  property("does not depend on the order of its inputs", requests, (request) => {
    expect(digest({ ...request, inputs: request.inputs.toReversed() })).toBe(digest(request))
  })

  property("does not depend on the caller's own id and the parameters", requests, (request) => {
    const { inputs, outputs } = request
    expect(digest({ inputs, ...(outputs === undefined ? {} : { outputs }) })).toBe(digest(request))
  })

  property("differs when any part of any input differs", requests, (request) => {
    for (const at of request.inputs.keys())
      for (const change of changes) {
        const inputs = request.inputs.map((input, place) => (place === at ? change(input) : input))
        expect(digest({ ...request, inputs })).not.toBe(digest(request))
      }
  })

  property("differs when inputs, outputs, model or version differ", requests, (request) => {
    const extra: Tensor = { name: "z", datatype: "BOOL", shape: [], data: new Uint8Array(0) }
    const others = [
      digest({ ...request, inputs: [...request.inputs, extra] }),
      digest({ ...request, outputs: [...(request.outputs ?? []), "z"] }),
      requestDigest("n", undefined, request),
      requestDigest("m", "1", request),
      requestDigest("m", "2", request),
    ]
    expect(new Set([...others, digest(request)]).size).toBe(others.length + 1)
  })

  test("tells bytes that moved from one tensor to its neighbour", () => {
    const tensor = (name: string, ...data: ReadonlyArray<number>): Tensor => ({
      name,
      datatype: "BYTES",
      shape: [1],
      data: Uint8Array.from(data),
    })
    expect(digest({ inputs: [tensor("a", 1, 2), tensor("b", 3)] })).not.toBe(
      digest({ inputs: [tensor("a", 1), tensor("b", 2, 3)] }),
    )
  })

  test("tells no requested outputs from all of them", () => {
    expect(digest({ inputs: [], outputs: [] })).not.toBe(digest({ inputs: [] }))
  })

  test("is the same today as when this was written", () => {
    const data = Uint8Array.of(0, 0, 128, 63)
    const request = { inputs: [{ name: "x", datatype: "FP32", shape: [1], data }] } as const
    expect(requestDigest("flights", "1", request)).toBe(
      "b0c71e8d25924aa72324b703e243548fa5fe116d81c7b6fdb24b45ac2d6d7b68",
    )
  })
})

property(
  "the digest of a batch depends on its members and their order",
  Arbitrary.schema(Schema.Array(Schema.String.check(Schema.isPattern(/^[0-9a-v]{4}$/u)))),
  (ids) => {
    expect(membersDigest(ids)).toMatch(/^[0-9a-f]{32}$/u)
    expect(membersDigest([...ids, "zzzz"])).not.toBe(membersDigest(ids))
    const turned = ids.toReversed()
    expect(membersDigest(turned) === membersDigest(ids)).toBe(turned.join() === ids.join())
  },
)
