// The whole suite: every area against one server, check by check. What it finds it returns; nothing
// is printed here.
import { mainModel, type Area, type Context } from "./check.ts"
import { binary } from "./areas/binary.ts"
import { classification } from "./areas/classification.ts"
import { compression } from "./areas/compression.ts"
import { config } from "./areas/config.ts"
import { datatypes } from "./areas/datatypes.ts"
import { errors } from "./areas/errors.ts"
import { headers } from "./areas/headers.ts"
import { health } from "./areas/health.ts"
import { infer } from "./areas/infer.ts"
import { metadata } from "./areas/metadata.ts"
import { parameters } from "./areas/parameters.ts"
import { repository } from "./areas/repository.ts"
import { statistics } from "./areas/statistics.ts"
import { v1 } from "./areas/v1.ts"
import { listedModels, readExtensions, readModels, type Model } from "./models.ts"
import { Server } from "./server.ts"
import { Failed, LeftOut, Unsupported } from "./verdict.ts"

export const AREAS: ReadonlyArray<Area> = [
  health,
  metadata,
  infer,
  datatypes,
  errors,
  headers,
  parameters,
  binary,
  compression,
  classification,
  repository,
  statistics,
  config,
  v1,
]

export const OUTCOMES = ["passed", "failed", "unsupported", "left out"] as const

export interface Result {
  readonly area: string
  readonly check: string
  readonly outcome: (typeof OUTCOMES)[number]
  /** Why it did not pass. */
  readonly reason?: string
}

export interface Report {
  /** The one that most was asked of. */
  readonly model: string
  readonly models: ReadonlyArray<string>
  readonly extensions: ReadonlyArray<string>
  readonly results: ReadonlyArray<Result>
}

export interface SuiteOptions {
  readonly url: string
  /** Empty: those of the repository's index. */
  readonly models: ReadonlyArray<string>
  readonly mayUnload: boolean
  readonly key?: string | undefined
}

/** There is nothing to ask: the message says what to do. */
export class NothingToCheck extends Error {
  override readonly name = "NothingToCheck"
}

const outcomeOf = (cause: unknown): Pick<Result, "outcome" | "reason"> => {
  if (cause instanceof Failed) return { outcome: "failed", reason: cause.message }
  if (cause instanceof Unsupported) return { outcome: "unsupported", reason: cause.message }
  if (cause instanceof LeftOut) return { outcome: "left out", reason: cause.message }
  throw cause
}

const runArea = async (
  { name, extension, checks }: Area,
  context: Context,
): Promise<ReadonlyArray<Result>> => {
  const results: Array<Result> = []
  for (const { says, run } of checks) {
    const known = { area: name, check: says }
    try {
      if (extension !== undefined && !context.extensions.has(extension))
        throw new Unsupported(`${extension} is not advertised`)
      await run(context)
      results.push({ ...known, outcome: "passed" })
    } catch (cause) {
      results.push({ ...known, ...outcomeOf(cause) })
    }
  }
  return results
}

/** What checks ask where the server tells of no model: a server that is right refuses it. */
const NO_MODEL: Model = {
  name: "model",
  versions: [],
  inputs: [{ name: "input", datatype: "FP32", shape: [-1, 1] }],
  outputs: [{ name: "output", datatype: "FP32", shape: [-1, 1] }],
}

interface Found {
  readonly models: ReadonlyArray<Model>
  readonly model: Model
  /** Why `model` is none that the server tells of. */
  readonly wrong?: string
}

const findModels = async (server: Server, options: SuiteOptions): Promise<Found> => {
  const named = options.models
  const listed = named.length > 0 ? { names: named } : await listedModels(server)
  const { names } = listed
  const models = await readModels(server, names)
  const model = await mainModel(server, models)
  if (model !== undefined) return { models, model }
  const wrong = names.length > 0 ? `no metadata of ${names.join(", ")}` : listed.wrong
  if (wrong === undefined)
    throw new NothingToCheck(`${options.url} lists no models; name one that is there with --model`)
  const assumed = { ...NO_MODEL, name: names[0] ?? NO_MODEL.name }
  return { models: [assumed], model: assumed, wrong }
}

/**
 * Runs every check, one after the other.
 *
 * @throws NothingToCheck where there is no server, or none of its models is known.
 */
export const runSuite = async (options: SuiteOptions): Promise<Report> => {
  const server = new Server(options.url, options.key)
  try {
    await server.ask("/v2/health/live")
  } catch (cause) {
    throw new NothingToCheck(`${options.url}: ${cause instanceof Error ? cause.message : cause}`)
  }
  const { models, model, wrong } = await findModels(server, options)
  const extensions = await readExtensions(server).catch(() => new Set<string>())
  const context = { server, models, model, extensions, mayUnload: options.mayUnload }
  const found = { area: "metadata", check: "there is a model that tells its inputs and outputs" }
  const results: Array<Result> = [
    wrong === undefined
      ? { ...found, outcome: "passed" }
      : { ...found, outcome: "failed", reason: wrong },
  ]
  for (const area of AREAS) results.push(...(await runArea(area, context)))
  return {
    model: model.name,
    models: models.map(({ name }) => name),
    extensions: [...extensions].toSorted(),
    results,
  }
}
