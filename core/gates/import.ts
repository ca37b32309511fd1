// Suites that lie beside models: `<model>/quality.json` says which suite stands at the door and
// which one windows are held against. What a person said by command goes before it.
import { dirname, join } from "node:path"
import { Schema } from "effect"
import { GateMode, SUITE_MAX_BYTES } from "#proto/quality"
import type { Log } from "../log/log.ts"
import { readRegularFile } from "../registry/model-files.ts"
import { changeSuites } from "./suite-facts.ts"
import { SuiteNotTaken, type SuiteCommand } from "./suites.ts"

export const QUALITY_FILE = "quality.json"

/** A suite in place, or the name of a file in the same folder. */
const SuiteOrFile = Schema.Union([
  Schema.NonEmptyString,
  Schema.Record(Schema.String, Schema.Unknown),
])
const QualityFile = Schema.Struct({
  gate: Schema.optionalKey(
    Schema.Union([
      Schema.Struct({ mode: GateMode, suite: SuiteOrFile }),
      Schema.Struct({ mode: Schema.Literal("off") }),
    ]),
  ),
  windows: Schema.optionalKey(Schema.Struct({ suite: SuiteOrFile })),
})
const decode = Schema.decodeUnknownSync(Schema.fromJsonString(QualityFile), {
  onExcessProperty: "error",
})

export interface ImportSuitesOptions {
  readonly log: Log
  /** Milliseconds since 1970; goes into the facts. */
  readonly now: () => number
}

export interface RefusedSuites {
  readonly path: string
  readonly reason: string
}

class Unfit extends Error {
  override readonly name = "Unfit"
}

const readText = async (path: string): Promise<string | undefined> => {
  const content = await readRegularFile(path, SUITE_MAX_BYTES)
  if (content === undefined) return undefined
  if ("refused" in content) throw new Unfit(`${path}: ${content.refused}`)
  return new TextDecoder().decode(content.bytes)
}

const suiteText = async (folder: string, given: typeof SuiteOrFile.Type): Promise<string> => {
  if (typeof given !== "string") return JSON.stringify(given)
  if (/[/\\]/u.test(given)) throw new Unfit(`"${given}" must be a file of the same folder`)
  const text = await readText(join(folder, given))
  if (text === undefined) throw new Unfit(`there is no ${given} beside it`)
  return text
}

type Place = SuiteCommand extends infer C
  ? C extends unknown
    ? Omit<C, "source" | "at">
    : never
  : never

const placesOf = async (path: string, text: string): Promise<ReadonlyArray<Place>> => {
  const { gate, windows } = decode(text)
  const folder = dirname(path)
  const places: Array<Place> = []
  if (gate?.mode === "off") places.push({ place: "gate", mode: "off" })
  else if (gate !== undefined)
    places.push({ place: "gate", mode: gate.mode, suite: await suiteText(folder, gate.suite) })
  if (windows !== undefined)
    places.push({ place: "windows", suite: await suiteText(folder, windows.suite) })
  return places
}

/**
 * Sets what `<folder>/quality.json` says of a model that is registered; nothing where there is no
 * such file or it says what is so already.
 *
 * @returns why it was refused, or undefined.
 * @throws LogUnavailable, LookupFailed and what else keeps the log from being read.
 */
export const importSuites = async (
  { log, now }: ImportSuitesOptions,
  model: string,
  folder: string,
): Promise<RefusedSuites | undefined> => {
  const path = join(folder, QUALITY_FILE)
  try {
    const text = await readText(path)
    if (text === undefined) return undefined
    for (const place of await placesOf(path, text))
      await changeSuites(log, model, { ...place, source: "directory", at: now() })
    return undefined
  } catch (cause) {
    if (cause instanceof SuiteNotTaken) return { path, reason: cause.reason }
    if (cause instanceof Unfit || Schema.isSchemaError(cause))
      return { path, reason: cause.message.replace(/\s*\n\s*/g, " ") }
    throw cause
  }
}
