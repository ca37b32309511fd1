// Which models `weir up` imports: a folder, a single file, or the demo when the user names neither.
// It only finds them; reading and registering them is the registry's work.
import { existsSync, readFileSync } from "node:fs"
import { resolve } from "node:path"
import { UsageError } from "../command.ts"
import { inProject } from "../project.ts"

/** The name under which a single file is imported. */
export const SINGLE_MODEL_NAME = "default"
const MODEL_PATH_DEFAULT = "./model/model.onnx"
const MODEL_VERSION_PATH_DEFAULT = "./model/model_version.txt"
const DEMO_MODELS = inProject("examples", "flights", "models")

export type ModelSource =
  | { readonly type: "folder"; readonly path: string; readonly isDemo: boolean }
  | { readonly type: "file"; readonly path: string; readonly version: string }

type Environment = Readonly<Record<string, string | undefined>>

const valueOf = (environment: Environment, key: string): string | undefined =>
  environment[key] === "" ? undefined : environment[key]

/** The version that stands in the file's only line; "1" when nobody wrote one. */
const versionIn = (environment: Environment): string => {
  const named = valueOf(environment, "MODEL_VERSION_PATH")
  const path = named ?? MODEL_VERSION_PATH_DEFAULT
  if (!existsSync(path)) {
    if (named === undefined) return "1"
    throw new UsageError(`MODEL_VERSION_PATH=${named}: there is no such file`)
  }
  const version = readFileSync(path, "utf8").trim()
  if (version !== "" && !version.includes("\n")) return version
  throw new UsageError(`MODEL_VERSION_PATH=${path} must hold one line, the version`)
}

/**
 * What is to be imported: the folder given by --models, the file of MODEL_PATH, both, or else the
 * demo.
 *
 * @throws UsageError for a file that is named and missing.
 */
export const modelSources = (
  modelsFolder: string | undefined,
  environment: Environment,
): ReadonlyArray<ModelSource> => {
  const sources: Array<ModelSource> = []
  if (modelsFolder !== undefined)
    sources.push({ type: "folder", path: modelsFolder, isDemo: false })
  const named = valueOf(environment, "MODEL_PATH")
  const path = named ?? MODEL_PATH_DEFAULT
  if (existsSync(path)) {
    sources.push({ type: "file", path: resolve(path), version: versionIn(environment) })
  } else if (named !== undefined) {
    throw new UsageError(`MODEL_PATH=${named}: there is no such file`)
  }
  return sources.length > 0 ? sources : [{ type: "folder", path: DEMO_MODELS, isDemo: true }]
}

/** A request that the demo model answers: the first flight of its table, as a line to copy. */
export const demoRequest = (gatewayUrl: string): string => {
  const tensor = (name: string, datatype: string, value: number | string) => ({
    name,
    datatype,
    shape: [1, 1],
    data: [value],
  })
  const body = {
    inputs: [
      tensor("distance", "FP32", 1750),
      tensor("hour", "INT64", 0),
      tensor("weekday", "INT64", 0),
      tensor("origin", "BYTES", "DTW"),
      tensor("destination", "BYTES", "LAS"),
    ],
  }
  return `curl -s ${gatewayUrl}/v2/models/flights/infer -d '${JSON.stringify(body)}'`
}
