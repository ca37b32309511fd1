// Parameters of requests, inputs and outputs: what is unknown is ignored, what is known is obeyed.
import { sampleAnswer, type Area, type Check, type Context } from "../check.ts"
import { answeredWhole, ask, bodyOf, expectNear, inputOf } from "../infer.ts"
import type { Json } from "../json.ts"
import { tensorsOf } from "../tensors.ts"
import { expect, Unsupported } from "../verdict.ts"

const FREE = { conformance_text: "a", conformance_number: 1.5, conformance_flag: true }
const MICROS_PLENTY = 20_000_000

const sameWith = (says: string, change: (context: Context) => Json): Check => ({
  says,
  run: async (context) => {
    const { server, model } = context
    const got = answeredWhole(model, await ask(server, model, change(context)))
    expectNear(says, got.outputs, (await sampleAnswer(context, model)).outputs)
  },
})

const scheduled = (says: string, parameters: Json): Check => {
  const check = sameWith(says, ({ model }) => bodyOf(tensorsOf(model), { parameters }))
  return {
    says,
    run: async (context) => {
      if (!context.extensions.has("schedule_policy"))
        throw new Unsupported("schedule_policy is not advertised")
      await check.run(context)
    },
  }
}

const shortTimeout = async ({ server, model, extensions }: Context): Promise<void> => {
  if (!extensions.has("schedule_policy")) throw new Unsupported("schedule_policy is not advertised")
  const body = bodyOf(tensorsOf(model), { parameters: { timeout: 1 } })
  const { status } = await ask(server, model, body)
  const isTold = status === 200 || (status >= 400 && status !== 500)
  expect(isTold, `a deadline of a microsecond is answered with ${status}`)
}

export const parameters: Area = {
  name: "parameters",
  checks: [
    sameWith("a request may have parameters that the server does not know", ({ model }) =>
      bodyOf(tensorsOf(model), { parameters: FREE }),
    ),
    sameWith("so may an input", ({ model }) => ({
      inputs: tensorsOf(model).map((one) => ({ ...inputOf(one), parameters: FREE })),
    })),
    sameWith("so may an output", ({ model }) =>
      bodyOf(tensorsOf(model), {
        outputs: model.outputs.map(({ name }) => ({ name, parameters: FREE })),
      }),
    ),
    scheduled("a priority is taken", { priority: 1 }),
    scheduled("a timeout that is long enough is kept", { timeout: MICROS_PLENTY }),
    { says: "a timeout that is too short is answered, not hung on", run: shortTimeout },
  ],
}
