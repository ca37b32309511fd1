// What a check is, and what it may know of the server: its address, its models, its extensions.
import { answeredWhole, ask, bodyOf } from "./infer.ts"
import type { Datatype, Model } from "./models.ts"
import { isGood, type Server } from "./server.ts"
import { hasRows, tensorsOf } from "./tensors.ts"
import { Unsupported } from "./verdict.ts"

export interface Context {
  readonly server: Server
  /** At least one. */
  readonly models: ReadonlyArray<Model>
  readonly extensions: ReadonlySet<string>
  /** Whether models may be unloaded for a moment. */
  readonly mayUnload: boolean
  /** The model that most questions are asked of: the one that takes the made-up values. */
  readonly model: Model
}

export interface Check {
  /** What holds of a server that passes. */
  readonly says: string
  readonly run: (context: Context) => Promise<void>
}

export interface Area {
  readonly name: string
  /** The extension that has to be advertised; undefined for the protocol itself. */
  readonly extension?: string
  readonly checks: ReadonlyArray<Check>
}

/** FP16 has no form in JSON; some servers have one all the same. */
export const hasJsonForm = (datatype: Datatype): boolean => datatype !== "FP16"

const weight = (model: Model): number =>
  (model.outputs.length > 1 ? 4 : 0) +
  (model.inputs.length > 1 ? 2 : 0) +
  (hasRows(model) ? 1 : 0) -
  ([...model.inputs, ...model.outputs].every(({ datatype }) => hasJsonForm(datatype)) ? 0 : 8)

/** The model with the most to look at of those that answer. */
export const mainModel = async (
  server: Server,
  models: ReadonlyArray<Model>,
): Promise<Model | undefined> => {
  const ordered = models.toSorted((one, other) => weight(other) - weight(one))
  for (const model of ordered) {
    const answer = await ask(server, model, bodyOf(tensorsOf(model))).catch(() => undefined)
    if (answer !== undefined && isGood(answer)) return model
  }
  return ordered[0]
}

/** @throws Unsupported where no model has an input of the datatype. */
export const modelWith = ({ models, model }: Context, datatype: Datatype): Model => {
  const all = models.filter(({ inputs }) => inputs.some((input) => input.datatype === datatype))
  const simplest = all.toSorted((one, other) => one.inputs.length - other.inputs.length)[0]
  const found = all.includes(model) && simplest === undefined ? model : simplest
  if (found === undefined) throw new Unsupported(`no model here has an input of ${datatype}`)
  return found
}

/** @throws Unsupported where the model at hand has no rows. */
export const withRows = ({ model, models }: Context): Model => {
  const found = [model, ...models].find(hasRows)
  if (found === undefined) throw new Unsupported("no model here takes several rows")
  return found
}

/** All outputs of the model for its made-up tensors. */
export const sampleAnswer = async ({ server }: Context, model: Model, rows = 1, seed = 0) =>
  answeredWhole(model, await ask(server, model, bodyOf(tensorsOf(model, rows, seed))))
