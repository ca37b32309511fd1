// The extension classification: the best classes of an output in place of its values.
import { sampleAnswer, type Area, type Context } from "../check.ts"
import { ask, bodyOf, type Output } from "../infer.ts"
import { good, jsonOf, refused } from "../server.ts"
import { tensorsOf } from "../tensors.ts"
import { expect, expectSame, listIn, recordIn, shown, textIn, Unsupported } from "../verdict.ts"

/** Three digits are enough to know a value again. */
const TOLERANCE = 1e-3

interface Ranked {
  readonly context: Context
  readonly output: Output
}

/** An output of numbers of the model at hand, the widest. */
const rankable = async (context: Context): Promise<Ranked> => {
  const { outputs } = await sampleAnswer(context, context.model)
  const numbers = outputs.filter(({ datatype }) => datatype !== "BYTES" && datatype !== "BOOL")
  const [output] = numbers.toSorted((one, other) => other.data.length - one.data.length)
  if (output === undefined) throw new Unsupported(`${context.model.name} puts out no numbers`)
  return { context, output }
}

const classify = ({ context: { server, model }, output }: Ranked, classification: unknown) => {
  const outputs = [{ name: output.name, parameters: { classification } }]
  return ask(server, model, bodyOf(tensorsOf(model), { outputs }))
}

const best = async (context: Context): Promise<void> => {
  const ranked = await rankable(context)
  const { output } = ranked
  const rowSize = output.shape.length > 1 ? output.data.length / (output.shape[0] ?? 1) : 1
  const count = Math.min(2, rowSize)
  const body = recordIn("the answer", jsonOf(good(await classify(ranked, count))))
  const [given] = listIn("outputs", body["outputs"])
  const { name, datatype, data } = recordIn("the output", given)
  expectSame("name", name, output.name)
  expectSame("datatype", datatype, "BYTES")
  const classes = listIn("data", data).map((one) => textIn("a class", one).split(":"))
  expect(classes.length >= count, `${classes.length} classes, ${count} were asked for`)
  const first = output.data
    .slice(0, rowSize)
    .map(Number)
    .toSorted((one, other) => other - one)
  for (const [at, parts] of classes.slice(0, count).entries()) {
    const [value, index] = [Number(parts[0]), Number(parts[1])]
    const near = Math.abs(value - (first[at] ?? 0)) <= TOLERANCE * Math.max(1, Math.abs(value))
    expect(near, `class ${at} has ${shown(parts[0])}, the values are ${shown(first)}`)
    expect(Number.isInteger(index) && index < rowSize, `class ${at} has index ${shown(parts[1])}`)
  }
}

export const classification: Area = {
  name: "classification",
  extension: "classification",
  checks: [
    { says: "the best classes come as value:index, the best first", run: best },
    {
      says: "a number of classes that is none is refused",
      run: async (context) =>
        refused(await classify(await rankable(context), "two"), "classification: two"),
    },
  ],
}
