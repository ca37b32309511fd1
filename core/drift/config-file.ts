// The drift configuration as a file: read whole, its name said with what is wrong with it, and the
// files that it names looked for beside it.
import { existsSync, readFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { DriftConfigInvalid, parseDriftConfig, type DriftConfig } from "./config.ts"

type Model = NonNullable<DriftConfig["defaults"]>

/** Whoever reads the file from another folder must mean the same rows. */
const besides = (folder: string, model: Model): Model => {
  const { reference } = model
  if (reference === undefined || !("file" in reference)) return model
  return { ...model, reference: { file: resolve(folder, reference.file) } }
}

const withPaths = (path: string, { defaults, models }: DriftConfig): DriftConfig => {
  const folder = dirname(resolve(path))
  const own = Object.entries(models ?? {}).map(
    ([name, model]) => [name, besides(folder, model)] as const,
  )
  return {
    ...(defaults === undefined ? {} : { defaults: besides(folder, defaults) }),
    ...(models === undefined ? {} : { models: Object.fromEntries(own) }),
  }
}

/**
 * The file's configuration, with every reference file as an absolute path: a relative one is taken
 * from the folder of the configuration; without a file, every model gets the defaults.
 *
 * @throws DriftConfigInvalid
 */
export const readDriftConfig = (path: string | undefined): DriftConfig => {
  if (path === undefined || path === "") return {}
  let text: string
  try {
    text = readFileSync(path, "utf8")
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new DriftConfigInvalid({ reason: `${path} cannot be read: ${why}` })
  }
  return withPaths(path, parseDriftConfig(text))
}

/** References by files that are not there, each with its key in the configuration. */
export const missingReferences = (config: DriftConfig): ReadonlyArray<string> => {
  const models = Object.entries(config.models ?? {}).map(
    ([name, model]) => [`models.${name}`, model] as const,
  )
  const all = [["defaults", config.defaults] as const, ...models]
  return all.flatMap(([key, model]) => {
    const { reference } = model ?? {}
    if (reference === undefined || !("file" in reference)) return []
    return existsSync(reference.file)
      ? []
      : [`${key}.reference.file: expected a file that is there, got "${reference.file}"`]
  })
}
