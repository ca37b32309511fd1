// What must be refused: as the client's fault, with an error in JSON, and without harm to the next
// request.
import { sampleAnswer, type Area, type Check, type Context } from "../check.ts"
import { bodyOf, inputOf } from "../infer.ts"
import { pathOf, type Model } from "../models.ts"
import { writeJson, type Json } from "../json.ts"
import { good, refused } from "../server.ts"
import { tensorsOf } from "../tensors.ts"
import { expect, Unsupported } from "../verdict.ts"

const UNKNOWN = "no-such-thing"

/** The sample request with its first input changed. */
const withFirst = (model: Model, change: (input: Json) => Json): Json => {
  const [first = {}, ...rest] = tensorsOf(model).map(inputOf)
  return { inputs: [change(first), ...rest] }
}

const dataOf = ({ data }: Json): ReadonlyArray<unknown> => (Array.isArray(data) ? data : [])

/** Bodies that no model of this signature can answer. */
const BODIES: Readonly<Record<string, (model: Model) => string>> = {
  "a body that is no JSON": () => '{"inputs": [',
  "an empty body": () => "",
  "a body that is no object": () => "[]",
  "a body without inputs": () => "{}",
  "inputs that are no list": () => '{"inputs": 1}',
  "no inputs at all": () => '{"inputs": []}',
  "an input that the model does not have": (model) =>
    writeJson(withFirst(model, (input) => ({ ...input, name: UNKNOWN }))),
  "one input too many": (model) => {
    const tensors = tensorsOf(model)
    return writeJson(bodyOf([...tensors, ...tensors.slice(0, 1)].map(renamedLast)))
  },
  "an unknown datatype": (model) =>
    writeJson(withFirst(model, (input) => ({ ...input, datatype: "FP7" }))),
  "another datatype than the model has": (model) =>
    writeJson(withFirst(model, ({ datatype, ...input }) => other(input, datatype))),
  "a dimension too many": (model) =>
    writeJson(withFirst(model, ({ shape, ...input }) => ({ ...input, shape: deeper(shape) }))),
  "a negative dimension": (model) =>
    writeJson(withFirst(model, (input) => ({ ...input, shape: [-1] }))),
  "fewer values than the shape has": (model) =>
    writeJson(withFirst(model, (input) => ({ ...input, data: dataOf(input).slice(1) }))),
  "more values than the shape has": (model) =>
    writeJson(
      withFirst(model, (input) => ({ ...input, data: [...dataOf(input), dataOf(input)[0]] })),
    ),
  "values of another kind": (model) =>
    writeJson(withFirst(model, (input) => ({ ...input, data: dataOf(input).map(() => ({})) }))),
  "no data": (model) => writeJson(withFirst(model, ({ data: _, ...input }) => input)),
  "an output that the model does not have": (model) =>
    writeJson(bodyOf(tensorsOf(model), { outputs: [{ name: UNKNOWN }] })),
}

const renamedLast = <T extends { readonly name: string }>(
  tensor: T,
  at: number,
  all: ReadonlyArray<T>,
): T => (at === all.length - 1 ? { ...tensor, name: UNKNOWN } : tensor)

const other = (input: Json, datatype: unknown): Json =>
  datatype === "BYTES"
    ? { ...input, datatype: "FP32", data: dataOf(input).map(() => 0) }
    : { ...input, datatype: "BYTES", data: dataOf(input).map(() => "a") }

const deeper = (shape: unknown): ReadonlyArray<unknown> => [
  ...(Array.isArray(shape) ? shape : []),
  1,
]

const bodyChecks = Object.entries(BODIES).map(([what, body]): Check => ({
  says: `${what} is refused`,
  run: async ({ server, model }: Context) =>
    refused(await server.post(`${pathOf(model.name)}/infer`, body(model)), what),
}))

const missingInput = async ({ server, model }: Context): Promise<void> => {
  if (model.inputs.length < 2) throw new Unsupported(`${model.name} has one input`)
  const body = writeJson(bodyOf(tensorsOf(model).slice(1)))
  refused(await server.post(`${pathOf(model.name)}/infer`, body), "an input that is missing")
}

export const errors: Area = {
  name: "errors",
  checks: [
    ...bodyChecks,
    { says: "a missing input is refused", run: missingInput },
    {
      says: "an unknown model is refused",
      run: async ({ server, model }) => {
        const body = writeJson(bodyOf(tensorsOf(model)))
        refused(await server.post(`${pathOf(UNKNOWN)}/infer`, body), "an unknown model")
      },
    },
    {
      says: "an unknown version is refused",
      run: async ({ server, model }) => {
        const path = `${pathOf(model.name, "987654321")}/infer`
        const body = writeJson(bodyOf(tensorsOf(model)))
        refused(await server.post(path, body), "an unknown version")
      },
    },
    {
      says: "GET where only POST has a meaning is refused",
      run: async ({ server, model }) => {
        const { status } = await server.ask(`${pathOf(model.name)}/infer`)
        expect(status === 404 || status === 405, `${status}, not 404 or 405`)
      },
    },
    {
      says: "a path that the protocol does not have is 404",
      run: async ({ server }) => {
        const { status } = await server.ask("/v2/no-such-path")
        expect(status === 404, `${status}, not 404`)
      },
    },
    {
      says: "after all that the server is ready and answers",
      run: async (context) => {
        good(await context.server.ask("/v2/health/ready"))
        await sampleAnswer(context, context.model)
      },
    },
  ],
}
