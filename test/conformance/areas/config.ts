// The extension model_configuration, held against the metadata of the same model.
import type { Area, Context } from "../check.ts"
import { pathOf, type TensorSpec } from "../models.ts"
import { good, jsonOf, refused } from "../server.ts"
import { expect, expectSame, listIn, recordIn, shown, textIn, wholeIn } from "../verdict.ts"

const typeOf = (datatype: string) => (datatype === "BYTES" ? "TYPE_STRING" : `TYPE_${datatype}`)

const agree = (
  what: string,
  given: unknown,
  specs: ReadonlyArray<TensorSpec>,
  batched: boolean,
): void => {
  const tensors = listIn(what, given).map((one) => recordIn(`an entry of ${what}`, one))
  expectSame(`number of ${what}s`, tensors.length, specs.length)
  for (const { name, data_type: type, dims, reshape } of tensors) {
    const spec = specs.find((one) => one.name === name)
    expect(spec !== undefined, `${what} ${shown(name)} is not in the metadata`)
    expectSame(`data_type of ${shown(name)}`, type, typeOf(spec.datatype))
    const shape = reshape === undefined ? dims : recordIn("reshape", reshape)["shape"]
    const whole = listIn(`dims of ${shown(name)}`, shape)
    expectSame(`dims of ${shown(name)}`, whole, batched ? spec.shape.slice(1) : spec.shape)
  }
}

const form = async ({ server, models }: Context): Promise<void> => {
  for (const { name, inputs, outputs } of models) {
    const path = `${pathOf(name)}/config`
    const config = recordIn(path, jsonOf(good(await server.ask(path))))
    expectSame("name", textIn("name", config["name"]), name)
    const batched = wholeIn("max_batch_size", config["max_batch_size"] ?? 0) > 0
    agree("input", config["input"], inputs, batched)
    agree("output", config["output"], outputs, batched)
  }
}

export const config: Area = {
  name: "config",
  extension: "model_configuration",
  checks: [
    { says: "every model has a configuration that agrees with its metadata", run: form },
    {
      says: "so has each version",
      run: async ({ server, model: { name, versions } }) => {
        for (const version of versions) good(await server.ask(`${pathOf(name, version)}/config`))
      },
    },
    {
      says: "the configuration of an unknown model is refused",
      run: async ({ server }) =>
        refused(await server.ask(`${pathOf("no-such-model")}/config`), "an unknown model"),
    },
  ],
}
