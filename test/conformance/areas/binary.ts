// The extension binary_tensor_data: the same answers as in JSON, in the form that was asked for.
import { answeredPacked, askPacked, LENGTH, pack, type PackedOutput } from "../binary.ts"
import { modelWith, sampleAnswer, type Area, type Check, type Context } from "../check.ts"
import { expectNear } from "../infer.ts"
import { DATATYPES, pathOf, type Datatype } from "../models.ts"
import { refused } from "../server.ts"
import { rawBytes, tensorsOf } from "../tensors.ts"
import { expect, Unsupported } from "../verdict.ts"

const ALL = { parameters: { binary_data_output: true } }

const same = async (context: Context, got: ReadonlyArray<PackedOutput>): Promise<void> =>
  expectNear("in bytes, against JSON", got, (await sampleAnswer(context, context.model)).outputs)

const expectForm = (outputs: ReadonlyArray<PackedOutput>, isRaw: (at: number) => boolean): void => {
  for (const [at, { name, isRaw: is }] of outputs.entries())
    expect(is === isRaw(at), `output "${name}" comes as ${is ? "bytes" : "JSON"}`)
}

const everyDatatype = (datatype: Datatype): Check => ({
  says: `${datatype} goes in and comes out as bytes`,
  run: async (context) => {
    const model = modelWith(context, datatype)
    const answer = await askPacked(context.server, model, pack(tensorsOf(model), ALL))
    expectForm(answeredPacked(model, answer), () => true)
  },
})

const inBytes = async (context: Context): Promise<void> => {
  const { server, model } = context
  const got = answeredPacked(model, await askPacked(server, model, pack(tensorsOf(model))))
  expectForm(got, () => false)
  await same(context, got)
}

const mixed = async (context: Context): Promise<void> => {
  const { server, model } = context
  if (model.inputs.length < 2) throw new Unsupported(`${model.name} has one input`)
  for (const odd of [0, 1]) {
    const packed = pack(tensorsOf(model), {}, (at) => at % 2 === odd)
    await same(context, answeredPacked(model, await askPacked(server, model, packed)))
  }
}

const precedence = async (context: Context): Promise<void> => {
  const { server, model } = context
  const outputs = model.outputs.map(({ name }, at) => ({
    name,
    parameters: { binary_data: at % 2 === 0 },
  }))
  for (const binary_data_output of [true, false]) {
    const packed = pack(tensorsOf(model), { outputs, parameters: { binary_data_output } })
    const got = answeredPacked(model, await askPacked(server, model, packed))
    for (const { name, isRaw } of got) {
      const at = model.outputs.findIndex((one) => one.name === name)
      expect(isRaw === (at % 2 === 0), `"${name}" comes as ${isRaw ? "bytes" : "JSON"}`)
    }
    await same(context, got)
  }
}

/** A model with one input, at most one of whose dimensions varies. */
const rawAlone = async ({ server, models }: Context): Promise<void> => {
  const fixed = new Set<string>(DATATYPES.filter((datatype) => datatype !== "BYTES"))
  const model = models.find(
    ({ inputs: [first, second] }) =>
      first !== undefined &&
      second === undefined &&
      fixed.has(first.datatype) &&
      first.shape.filter((one) => one === -1).length <= 1,
  )
  if (model === undefined) throw new Unsupported("no model here has one input of numbers")
  const [tensor] = tensorsOf(model)
  if (tensor === undefined) return
  const answer = await server.ask(`${pathOf(model.name)}/infer`, {
    method: "POST",
    body: rawBytes(tensor),
    headers: { "content-type": "application/octet-stream", [LENGTH]: "0" },
  })
  expectForm(answeredPacked(model, answer), () => true)
}

const wrongLength = (says: string, length: (json: number, all: number) => string): Check => ({
  says: `${says} is refused`,
  run: async ({ server, model }) => {
    const packed = pack(tensorsOf(model))
    const json = Buffer.byteLength(JSON.stringify(packed.head))
    const all = json + packed.tails.reduce((sum, { byteLength }) => sum + byteLength, 0)
    const headers = { [LENGTH]: length(json, all) }
    refused(await askPacked(server, model, packed, headers), says)
  },
})

const wrongSize = (says: string, change: (tail: Uint8Array) => Uint8Array): Check => ({
  says: `${says} is refused`,
  run: async ({ server, model }) => {
    const { head, tails } = pack(tensorsOf(model))
    const changed = tails.map((tail, at) => (at === tails.length - 1 ? change(tail) : tail))
    refused(await askPacked(server, model, { head, tails: changed }), says)
  },
})

export const binary: Area = {
  name: "binary",
  extension: "binary_tensor_data",
  checks: [
    { says: "inputs in bytes have the answer that they have in JSON", run: inBytes },
    { says: "inputs in bytes and in JSON may stand in one request", run: mixed },
    {
      says: "binary_data_output of a request asks for all outputs in bytes",
      run: async (context) => {
        const { server, model } = context
        const answer = await askPacked(server, model, pack(tensorsOf(model), ALL))
        const got = answeredPacked(model, answer)
        expectForm(got, () => true)
        await same(context, got)
      },
    },
    { says: "binary_data of an output goes before binary_data_output", run: precedence },
    { says: "a body of bytes alone is one tensor, and its answer is in bytes", run: rawAlone },
    ...DATATYPES.map(everyDatatype),
    wrongLength("a JSON length beyond the body", (_, all) => `${all + 1}`),
    wrongLength("a JSON length that cuts the JSON", (json) => `${json - 1}`),
    wrongLength("a JSON length that is no number", () => "many"),
    wrongSize("a byte too few", (tail) => tail.subarray(0, -1)),
    wrongSize("a byte too many", (tail) => Buffer.concat([tail, Buffer.alloc(1)])),
  ],
}
