// Inference in JSON: that answers are those of the question, in every form that it may have.
import { sampleAnswer, withRows, type Area, type Context } from "../check.ts"
import { answered, answeredWhole, ask, bodyOf, expectNear, inputOf } from "../infer.ts"
import type { Model } from "../models.ts"
import { joined, nested, tensorsOf } from "../tensors.ts"
import { expect, expectSame, shown, Unsupported } from "../verdict.ts"

const ROWS = 3
const CALLERS = 16
const ID = "conformance 1/ü"

const inNestedForm = async (context: Context): Promise<void> => {
  const { server, model } = context
  const tensors = tensorsOf(model)
  const inputs = tensors.map((one) => ({ ...inputOf(one), data: nested(one.data, one.shape) }))
  const got = answeredWhole(model, await ask(server, model, { inputs }))
  expectNear("nested data", got.outputs, (await sampleAnswer(context, model)).outputs)
}

const inAnyOrder = async (context: Context): Promise<void> => {
  const { server, model } = context
  if (model.inputs.length < 2) throw new Unsupported(`${model.name} has one input`)
  const reversed = bodyOf(tensorsOf(model).toReversed())
  const got = answeredWhole(model, await ask(server, model, reversed))
  expectNear("inputs in reverse", got.outputs, (await sampleAnswer(context, model)).outputs)
}

const requestedOutputs = async (context: Context, model: Model): Promise<void> => {
  const whole = (await sampleAnswer(context, model)).outputs
  const asked = async (names: ReadonlyArray<string>) => {
    const outputs = names.map((name) => ({ name }))
    const body = bodyOf(tensorsOf(model), { outputs })
    return answered(model, await ask(context.server, model, body)).outputs
  }
  for (const { name } of model.outputs) {
    const got = await asked([name])
    expectSame(`outputs when "${name}" is asked for`, got.map((one) => one.name).join(), name)
    const same = whole.filter((one) => one.name === name)
    expectNear(`"${name}" alone, against all outputs`, got, same)
  }
  const names = model.outputs.map(({ name }) => name).toReversed()
  expectNear("outputs asked for in reverse", await asked(names), whole)
}

const rowsAlone = async (context: Context): Promise<void> => {
  const model = withRows(context)
  const { server } = context
  const seeds = Array.from({ length: ROWS }, (_, seed) => seed)
  const parts = seeds.map((seed) => tensorsOf(model, 1, seed))
  const whole = model.inputs.map((_, at) => joined(parts.flatMap((part) => part[at] ?? [])))
  const got = answeredWhole(model, await ask(server, model, bodyOf(whole))).outputs
  for (const seed of seeds) {
    const alone = (await sampleAnswer(context, model, 1, seed)).outputs
    const row = got.map((output) => {
      const size = output.data.length / ROWS
      const data = output.data.slice(seed * size, (seed + 1) * size)
      return { ...output, shape: [1, ...output.shape.slice(1)], data }
    })
    expectNear(`row ${seed} of ${ROWS}, against the row alone`, row, alone)
  }
}

const atOnce = async (context: Context): Promise<void> => {
  const { server, model } = context
  const seeds = Array.from({ length: CALLERS }, (_, seed) => seed % 5)
  const expected = new Map<number, Awaited<ReturnType<typeof sampleAnswer>>>()
  for (const seed of new Set(seeds)) expected.set(seed, await sampleAnswer(context, model, 1, seed))
  await Promise.all(
    seeds.map(async (seed, caller) => {
      const body = bodyOf(tensorsOf(model, 1, seed), { id: `${caller}` })
      const got = answeredWhole(model, await ask(server, model, body))
      expectSame("the id of one of many at once", got.body["id"], `${caller}`)
      expectNear("one of many at once", got.outputs, expected.get(seed)?.outputs ?? [])
    }),
  )
}

const oneVersion = async (context: Context): Promise<void> => {
  const { server, model } = context
  if (model.versions.length === 0) throw new Unsupported(`${model.name} lists no versions`)
  for (const version of model.versions) {
    const got = answeredWhole(model, await ask(server, model, bodyOf(tensorsOf(model)), version))
    const { model_version: said } = got.body
    expect(said === undefined || said === version, `model_version ${shown(said)}, not ${version}`)
  }
}

export const infer: Area = {
  name: "infer",
  checks: [
    {
      says: "every model that takes made-up values gives all its outputs, as its metadata has them",
      run: async (context) => void (await sampleAnswer(context, context.model)),
    },
    {
      says: "the id of a request comes back",
      run: async ({ server, model }) => {
        const body = bodyOf(tensorsOf(model), { id: ID })
        const got = answeredWhole(model, await ask(server, model, body))
        expectSame("id", got.body["id"], ID)
      },
    },
    { says: "nested data is the same as flat data", run: inNestedForm },
    { says: "inputs may come in any order", run: inAnyOrder },
    {
      says: "only the outputs that are asked for come, each with its own values",
      run: (context) => requestedOutputs(context, context.model),
    },
    {
      says: "an empty list of outputs, or none, means all",
      run: async (context) => {
        const { server, model } = context
        const body = bodyOf(tensorsOf(model), { outputs: [] })
        answeredWhole(model, await ask(server, model, body))
      },
    },
    { says: "each version that is listed can be asked for", run: oneVersion },
    { says: "rows asked together are answered as if asked alone", run: rowsAlone },
    { says: "of many requests at once each gets its own answer", run: atOnce },
    {
      says: "the same question has the same answer again",
      run: async (context) => {
        const { model } = context
        const [one, other] = [
          await sampleAnswer(context, model),
          await sampleAnswer(context, model),
        ]
        expectNear("again", one.outputs, other.outputs)
      },
    },
  ],
}
