// Which suites a model has, decided and folded from its facts. Pure: texts and times come in.
import { Schema } from "effect"
import type { GateMode, GateSource, QualityFact } from "#proto/quality"
import { SUITE_MAX_BYTES } from "#proto/quality"
import type { Signature } from "#proto/signature"
import { compileGate, GateRefused } from "../quality/gate.ts"
import { parseToolFile } from "../quality/python-json.ts"
import { readSuite, SuiteRefused, type Suite } from "../quality/suite.ts"

/** The suites of a model are not changed; the message says why. */
export class SuiteNotTaken extends Schema.TaggedError<SuiteNotTaken>()("SuiteNotTaken", {
  model: Schema.String,
  reason: Schema.String,
}) {
  override get message() {
    return `${this.model}: ${this.reason}`
  }
}

/** What was said last about one of the two places of a suite. */
interface Placed {
  /** Absent where it was removed. */
  readonly suite?: string
  readonly source: GateSource
  readonly at: number
}

export interface ModelSuites {
  readonly model: string
  readonly gate: (Placed & { readonly mode: GateMode | "off" }) | undefined
  readonly windows: Placed | undefined
}

export const noSuites = (model: string): ModelSuites => ({
  model,
  gate: undefined,
  windows: undefined,
})

export const evolve = (state: ModelSuites, fact: QualityFact): ModelSuites => {
  const { source, at } = fact
  switch (fact._tag) {
    case "GateSet":
      return { ...state, gate: { mode: fact.mode, suite: fact.suite, source, at } }
    case "GateRemoved":
      return { ...state, gate: { mode: "off", source, at } }
    case "WindowSuiteSet":
      return { ...state, windows: { suite: fact.suite, source, at } }
    case "WindowSuiteRemoved":
      return { ...state, windows: { source, at } }
  }
}

/** A command about one place; without a suite it is emptied. */
export type SuiteCommand = { readonly source: GateSource; readonly at: number } & (
  | { readonly place: "gate"; readonly mode: GateMode; readonly suite: string }
  | { readonly place: "gate"; readonly mode: "off" }
  | { readonly place: "windows"; readonly suite: string | undefined }
)

/** Reads the text of a suite's file. @throws SuiteRefused */
export const parseSuite = (text: string): Suite => {
  let json: unknown
  try {
    json = parseToolFile(text)
  } catch {
    throw new SuiteRefused({ reason: "it is not JSON" })
  }
  return readSuite(json)
}

/** Why a suite cannot be taken for one of its places, or undefined. */
const refusalOf = (
  { place }: SuiteCommand,
  text: string,
  signatures: ReadonlyArray<Signature>,
): string | undefined => {
  if (Buffer.byteLength(text) > SUITE_MAX_BYTES)
    return `the suite has more than ${SUITE_MAX_BYTES} bytes`
  try {
    const suite = parseSuite(text)
    if (suite.entries.length === 0) return "the suite has no expectation"
    if (place === "gate") for (const { features } of signatures) compileGate(suite, features)
    const unknown = suite.entries.flatMap(({ type, reading }, index) =>
      "refusal" in reading ? [`${type} (expectation ${index}): ${reading.refusal}`] : [],
    )
    return unknown.length === 0 ? undefined : unknown.join("; ")
  } catch (cause) {
    if (cause instanceof GateRefused || cause instanceof SuiteRefused) return cause.message
    throw cause
  }
}

const same = (state: ModelSuites, command: SuiteCommand): boolean => {
  const { gate, windows } = state
  if (command.place === "windows") return windows?.suite === command.suite
  if (command.mode === "off") return gate === undefined || gate.mode === "off"
  return gate?.mode === command.mode && gate.suite === command.suite
}

/**
 * The facts that follow from a command: none where it is so already, and none where a directory
 * says something else than a person said. `signatures` are those of the versions that may answer.
 */
export const decide = (
  command: SuiteCommand,
  state: ModelSuites,
  signatures: ReadonlyArray<Signature>,
): ReadonlyArray<QualityFact> | SuiteNotTaken => {
  const { model } = state
  const { source, at } = command
  const before = command.place === "gate" ? state.gate : state.windows
  if (source === "directory" && before?.source === "command") return []
  if (same(state, command)) return []
  const suite = "suite" in command ? command.suite : undefined
  const fields = { model, source, at }
  if (suite === undefined)
    return [{ _tag: command.place === "gate" ? "GateRemoved" : "WindowSuiteRemoved", ...fields }]
  const reason = refusalOf(command, suite, signatures)
  if (reason !== undefined) return new SuiteNotTaken({ model, reason })
  return command.place === "gate" && command.mode !== "off"
    ? [{ _tag: "GateSet", ...fields, mode: command.mode, suite }]
    : [{ _tag: "WindowSuiteSet", ...fields, suite }]
}
