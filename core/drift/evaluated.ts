// From an evaluation to the finding that is kept of it: everything a verdict stood on, so that the
// same range can be judged again and must come out the same.
import { createHash } from "node:crypto"
import { seedOf } from "#core/statistics/seeded-random"
import type { Persistence, WindowEvaluated } from "#proto/finding"
import type { Evaluation } from "./evaluate.ts"
import type { ClosedWindow } from "./fold.ts"
import type { DriftSettings } from "./settings.ts"
import { evolve } from "./verdict.ts"

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** JSON with the keys in order, so that equal values have equal texts. */
export const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    isPlain(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )

/** SHA-256 of everything that was chosen, hexadecimal. */
export const settingsDigest = (settings: DriftSettings): string =>
  createHash("sha256").update(canonicalJson(settings)).digest("hex")

/** The seed of everything random about a window. */
export const windowSeed = (model: string, from: number, to: number): number =>
  seedOf(`${model} ${from} ${to}`)

export interface EvaluatedContext {
  readonly model: string
  readonly number: number
  /** Digest of the reference. */
  readonly reference: string
  readonly settings: DriftSettings
  readonly before: Persistence
  /** Milliseconds since 1970. */
  readonly at: number
}

export const windowEvaluated = (
  { range, version }: Omit<ClosedWindow, "table">,
  evaluation: Evaluation,
  context: EvaluatedContext,
): WindowEvaluated => {
  const { model, number, reference, settings, before, at } = context
  return {
    _tag: "WindowEvaluated",
    model,
    ...(version === undefined ? {} : { version }),
    number,
    window: range,
    reference,
    configuration: settingsDigest(settings),
    seed: windowSeed(model, range.from, range.to),
    ...evaluation,
    persistence: evolve(before, evaluation, settings),
    at,
  }
}
