// One fact as one line, for people and for programs.
import type { Prediction } from "#proto/prediction"
import { durationText, plain, shorten, timeText } from "../table.ts"
import { tensorJson } from "../tensor-json.ts"
import type { TailedFact, UnreadableFact } from "./facts.ts"

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

const unreadableLine = ({ position, model, id, storedAt, reason }: UnreadableFact): string =>
  row([
    `${position}`,
    timeText(storedAt),
    plain(shorten(model, 32)),
    "-",
    plain(id),
    "unreadable",
    "-",
    plain(reason),
  ])

export const factLine = (found: TailedFact): string => {
  if (found.kind === "unreadable") return unreadableLine(found)
  const { position, fact } = found
  return row([
    `${position}`,
    timeText(endedAt(fact)),
    shorten(fact.model, 32),
    fact.version ?? "-",
    fact.id,
    outcomeOf(fact),
    durationText(latencyOf(fact)),
    plain(fact.caller ?? ""),
  ])
}

/** Inputs and outputs only when they are asked for: they are most of a fact. */
export const factDocument = (found: TailedFact, isWhole: boolean): unknown => {
  if (found.kind === "unreadable") {
    const { kind: outcome, ...shown } = found
    return { outcome, ...shown }
  }
  const { position, fact } = found
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
