// `weir quality gate` and `weir quality windows`: which suite stands at the door of a model, and
// which one its windows are held against. Gateways, predictors and the monitor follow it live.
import { lastQuality } from "#core/findings/quality"
import { changeSuites, readSuites } from "#core/gates/suite-facts"
import { parseSuite, SuiteNotTaken, type ModelSuites, type SuiteCommand } from "#core/gates/suites"
import type { Log } from "#core/log/log"
import type { QualityEvaluated } from "#proto/quality-finding"
import { CommandFailed, UsageError } from "../command.ts"
import { plain } from "../table.ts"
import { readText } from "./files.ts"
import { releaseOf } from "./model-rows.ts"

export interface Placing {
  readonly log: Log
  readonly model: string
  readonly suite: string | undefined
  readonly mode: string | undefined
  readonly json: boolean
}

type Decided = { readonly source: "command"; readonly at: number }
const decided = (): Decided => ({ source: "command", at: Date.now() })

const gateCommand = async ({ mode, suite }: Placing): Promise<SuiteCommand | undefined> => {
  if (mode === undefined && suite === undefined) return undefined
  if (mode === "off") return { ...decided(), place: "gate", mode }
  if (mode !== "reject" && mode !== "flag")
    throw new UsageError(`--mode must be reject, flag or off, got ${mode ?? "nothing"}`)
  if (suite === undefined) throw new UsageError("name the suite: weir quality gate MODEL SUITE")
  return { ...decided(), place: "gate", mode, suite: await readText(suite) }
}

const windowsCommand = async ({ mode, suite }: Placing): Promise<SuiteCommand | undefined> => {
  if (mode !== undefined && mode !== "off")
    throw new UsageError(`for windows, --mode can only be off, got "${mode}"`)
  if (mode === undefined && suite === undefined) return undefined
  const text = mode === "off" || suite === undefined ? undefined : await readText(suite)
  return { ...decided(), place: "windows", suite: text }
}

const placed = (text: string | undefined): string => {
  if (text === undefined) return "none"
  const { name, entries } = parseSuite(text)
  const count = `${entries.length} expectation${entries.length === 1 ? "" : "s"}`
  return name === "" ? count : `${plain(name)}, ${count}`
}

const describe = ({ model, gate, windows }: ModelSuites): string => {
  const mode = gate?.suite === undefined ? "" : `${gate.mode}: `
  return `${model}\n  gate     ${mode}${placed(gate?.suite)}\n  windows  ${placed(windows?.suite)}`
}

/** What the monitor said last about the windows, in lines. */
const lastWindow = (finding: QualityEvaluated | undefined): ReadonlyArray<string> => {
  if (finding === undefined) return []
  const { number, window, rows, outcomes } = finding
  const unmet = outcomes.filter(({ success }) => !success)
  const met = `${outcomes.length - unmet.length} of ${outcomes.length} met`
  const range = `positions ${window.from} to ${window.to}, ${rows} rows`
  return [
    `  last     window ${number} (${range}): ${met}`,
    ...unmet.map(({ type, columns }) =>
      plain(`           not met: ${[type, ...columns].join(" ")}`),
    ),
  ]
}

const place = async (asked: Placing, command: SuiteCommand | undefined): Promise<void> => {
  const { log, model, json } = asked
  await releaseOf(log, model)
  try {
    if (command !== undefined) await changeSuites(log, model, command)
  } catch (cause) {
    throw cause instanceof SuiteNotTaken ? new CommandFailed(cause.message) : cause
  }
  const { suites } = await readSuites(log, model)
  const { finding: last } = await lastQuality(log, model)
  console.log(
    json
      ? JSON.stringify({ ...suites, last }, undefined, 2)
      : [describe(suites), ...lastWindow(last)].join("\n"),
  )
}

export const placeGate = async (asked: Placing): Promise<void> =>
  place(asked, await gateCommand(asked))

export const placeWindows = async (asked: Placing): Promise<void> =>
  place(asked, await windowsCommand(asked))
