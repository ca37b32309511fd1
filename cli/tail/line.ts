// One fact as one line, for people and for programs.
import type { Prediction } from "#proto/prediction"
import { durationText, plain, shorten, timeText } from "../table.ts"
import { tensorJson } from "../tensor-json.ts"
import type { TailedFact } from "./facts.ts"

const WIDTHS = [9, 24, 14, 7, 26, 16, 9] as const
const HEADS = ["POSITION", "ENDED", "MODEL", "VERSION", "ID", "OUTCOME", "LATENCY", "CALLER"]

const row = (cells: ReadonlyArray<string>): string =>
  cells
    .map((cell, at) => {
      const isNumber = at === 0 || at === WIDTHS.length - 1
      const width = WIDTHS[at] ?? 0
      return isNumber ? cell.padStart(width) : cell.padEnd(width)
    })
    .join("  ")
    .trimEnd()

export const HEAD_LINE = row(HEADS)

/** When the work on it was over: its run, or else when it was taken and found to need none. */
export const endedAt = ({ times }: Prediction): number => times.ended ?? times.taken

/** "answered", or why it was not. */
export const outcomeOf = ({ failure }: Prediction): string => failure?.reason ?? "answered"

/** Milliseconds from when the server stored the request to its end; clocks of hosts may differ. */
export const latencyOf = (fact: Prediction): number =>
  Math.max(0, endedAt(fact) - fact.times.stored)

export const factLine = ({ position, fact }: TailedFact): string =>
  row([
    `${position}`,
    timeText(endedAt(fact)),
    shorten(fact.model, 32),
    fact.version ?? "-",
    fact.id,
    outcomeOf(fact),
    durationText(latencyOf(fact)),
    plain(fact.caller ?? ""),
  ])

/** Inputs and outputs only when they are asked for: they are most of a fact. */
export const factDocument = ({ position, fact }: TailedFact, isWhole: boolean): unknown => {
  const { request, outputs, ...rest } = fact
  return {
    position,
    outcome: outcomeOf(fact),
    latencyMillis: latencyOf(fact),
    ...rest,
    ...(isWhole
      ? {
          request: request && { ...request, inputs: request.inputs.map(tensorJson) },
          outputs: outputs?.map(tensorJson),
        }
      : {}),
  }
}
