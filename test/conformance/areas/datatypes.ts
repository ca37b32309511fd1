// Every datatype of the protocol in JSON. Where a model gives back what it gets, the values at the
// edges of the datatype as well.
import { hasJsonForm, modelWith, sampleAnswer, type Area, type Context } from "../check.ts"
import { answeredWhole, ask, bodyOf } from "../infer.ts"
import { DATATYPES, type Datatype, type Model } from "../models.ts"
import { edgesOf, sizeOf, tensorsOf, type Tensor } from "../tensors.ts"
import { expectSame, Unsupported } from "../verdict.ts"

/** One input and one output of the same form: perhaps the values come back as they are. */
const mayEcho = ({ inputs, outputs }: Model): boolean => {
  const form = (specs: Model["inputs"]) =>
    specs.map(({ datatype, shape }) => `${datatype} ${shape.join()}`).join(" / ")
  return inputs.length === 1 && form(inputs) === form(outputs)
}

/** Whether it gave back two different tensors. */
const echoes = async (context: Context, model: Model): Promise<boolean> => {
  if (!mayEcho(model)) return false
  for (const seed of [0, 1]) {
    const [sent] = tensorsOf(model, 1, seed)
    const [got] = (await sampleAnswer(context, model, 1, seed)).outputs
    if (sent?.data.map(Number).join() !== got?.data.map(Number).join()) return false
  }
  return true
}

const edgesFor = ({ name, datatype, shape }: Tensor): Tensor => {
  const edges = edgesOf(datatype)
  const data = Array.from({ length: sizeOf(shape) }, (_, at) => edges[at % edges.length] ?? 0)
  return { name, datatype, shape, data }
}

const takes = (datatype: Datatype) => async (context: Context) => {
  const model = modelWith(context, datatype)
  if (!hasJsonForm(datatype)) {
    const answer = await ask(context.server, model, bodyOf(tensorsOf(model)))
    if (answer.status !== 200) throw new Unsupported("FP16 has no form in JSON")
  }
  await sampleAnswer(context, model)
}

const keeps = (datatype: Datatype) => async (context: Context) => {
  if (!hasJsonForm(datatype)) throw new Unsupported("FP16 has no form in JSON")
  const all = context.models.filter(({ inputs }) => inputs[0]?.datatype === datatype)
  const model = all.find(mayEcho)
  if (model === undefined || !(await echoes(context, model)))
    throw new Unsupported(`no model here gives back the ${datatype} that it gets`)
  const sent = tensorsOf(model, edgesOf(datatype).length).map(edgesFor)
  const got = answeredWhole(model, await ask(context.server, model, bodyOf(sent)))
  const isBool = datatype === "BOOL"
  const data = got.outputs[0]?.data.map((value) => (isBool ? Boolean(value) : value))
  expectSame(`${datatype} at its edges`, data, sent[0]?.data)
}

export const datatypes: Area = {
  name: "datatypes",
  checks: DATATYPES.flatMap((datatype) => [
    { says: `${datatype} is taken and answered in JSON`, run: takes(datatype) },
    { says: `${datatype} keeps every digit in JSON, at its edges`, run: keeps(datatype) },
  ]),
}
