// Which models `weir up` imports: a folder, a single file, or the demo when the user names neither;
// and how it says what became of them. Reading and registering them is the registry's work.
import { existsSync } from "node:fs"
import type { Log } from "#core/log/log"
import {
  importDirectory,
  importFile,
  type ImportDependencies,
  type ImportReport,
} from "#core/registry/import"
import { inspectByFirstLoad } from "#core/registry/inspection"
import { jetStreamArtifacts } from "#core/registry/object-store"
import { inProject } from "../project.ts"

/** The name under which a single file is imported. */
export const SINGLE_MODEL_NAME = "default"
export const MODEL_PATH_DEFAULT = "./model/model.onnx"
export const MODEL_VERSION_PATH_DEFAULT = "./model/model_version.txt"
const DEMO_MODELS = inProject("examples", "flights", "models")

export type ModelSource =
  | { readonly type: "folder"; readonly path: string; readonly isDemo: boolean }
  | {
      readonly type: "file"
      readonly path: string
      /** Whether the file must be there because somebody named it. */
      readonly isNamed: boolean
      readonly versionPath: string
      readonly isVersionNamed: boolean
    }

type Environment = Readonly<Record<string, string | undefined>>

const valueOf = (environment: Environment, key: string): string | undefined =>
  environment[key] === "" ? undefined : environment[key]

/** The folder given by --models, the file of MODEL_PATH, both, or else the demo. */
export const modelSources = (
  modelsFolder: string | undefined,
  environment: Environment,
): ReadonlyArray<ModelSource> => {
  const named = valueOf(environment, "MODEL_PATH")
  const path = named ?? MODEL_PATH_DEFAULT
  const version = valueOf(environment, "MODEL_VERSION_PATH")
  const sources: Array<ModelSource> = []
  if (modelsFolder !== undefined) {
    sources.push({ type: "folder", path: modelsFolder, isDemo: false })
  }
  if (named !== undefined || existsSync(path)) {
    sources.push({
      type: "file",
      path,
      isNamed: named !== undefined,
      versionPath: version ?? MODEL_VERSION_PATH_DEFAULT,
      isVersionNamed: version !== undefined,
    })
  }
  return sources.length > 0 ? sources : [{ type: "folder", path: DEMO_MODELS, isDemo: true }]
}

/** What an import needs of a log that is open. */
export const importDependencies = (log: Log): ImportDependencies => ({
  log,
  artifacts: jetStreamArtifacts(log),
  inspect: inspectByFirstLoad,
  now: Date.now,
})

/** Imports one source; what it throws says that a named file is missing or the log out of reach. */
export const importSource = (
  dependencies: ImportDependencies,
  source: ModelSource,
): Promise<ImportReport> =>
  source.type === "folder"
    ? importDirectory(dependencies, source.path)
    : importFile(dependencies, {
        model: SINGLE_MODEL_NAME,
        modelPath: source.path,
        modelRequired: source.isNamed,
        versionPath: source.versionPath,
        versionRequired: source.isVersionNamed,
      })

/** A report as sentences; what was unchanged is left out. */
export const describeImport = ({
  versions,
  promoted,
  configured,
}: ImportReport): ReadonlyArray<string> => [
  ...versions.flatMap((one) => {
    if (one.outcome === "refused") return [`${one.path} is not imported: ${one.reason}`]
    return one.outcome === "imported" ? [`model ${one.model}, version ${one.version} imported`] : []
  }),
  ...configured.map((model) => `the configuration of model ${model} is changed`),
  ...promoted.map(({ model, version }) => `model ${model} is now served by version ${version}`),
]

/** A request that the demo model answers: the first flight of its table, as a line to copy. */
export const demoRequest = (gatewayUrl: string): string => {
  const flight = { distance: 1750, hour: 0, weekday: 0, origin: "DTW", destination: "LAS" }
  const body = JSON.stringify({ data: [flight] })
  const type = "content-type: application/json"
  return `curl -s '${gatewayUrl}/predict?model=flights' -H '${type}' -d '${body}'`
}
