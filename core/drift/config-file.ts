// The drift configuration as a file: read whole, and its name said with what is wrong with it.
import { existsSync, readFileSync } from "node:fs"
import { DriftConfigInvalid, parseDriftConfig, type DriftConfig } from "./config.ts"

/**
 * The file's configuration; without a file, every model gets the defaults.
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
  return parseDriftConfig(text)
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
