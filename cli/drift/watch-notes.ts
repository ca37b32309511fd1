// What a user of `weir drift` has to know beside the verdicts: that the monitor does not watch a
// model as its configuration asks, and which columns no verdict is about, with the reasons.
import type { DriftSettings } from "#core/drift/settings"
import type { Table } from "#core/drift/table"
import { answersTo, getReference, isUnreadable, type FileQuestion } from "#core/findings/references"
import { lastPosition, readMarks } from "#core/findings/marks"
import { championProfile, versionInForce } from "#core/findings/versions"
import type { Log } from "#core/log/log"
import { ArtifactMissing } from "#core/registry/artifacts"
import { jetStreamArtifacts } from "#core/registry/object-store"
import type { Release } from "#core/registry/release"
import type { TestOutcome, WindowEvaluated, WindowFinding } from "#proto/finding"
import { CommandFailed } from "../command.ts"
import { readFileReference } from "./file-reference.ts"

interface WatchQuestion extends FileQuestion {
  readonly log: Log
  readonly settings: DriftSettings
  readonly release: Release
}

/** Reasons that are shown; JSON and the report hold all. */
const REASONS_MAX = 10

const isAsConfigured = async (
  { log, settings, release }: WatchQuestion,
  digest: string,
): Promise<boolean> => {
  try {
    const found = await getReference(jetStreamArtifacts(log), digest)
    return found.table.rows > 0 && answersTo(found, settings, championProfile(release))
  } catch (cause) {
    if (cause instanceof ArtifactMissing || isUnreadable(cause)) return false
    throw cause
  }
}

/** What is wrong with a configured reference that is an artifact. */
const artifactProblem = async (
  { log, release }: WatchQuestion,
  named: string | undefined,
  off: string,
): Promise<string | undefined> => {
  const digest = named ?? championProfile(release)
  if (digest === undefined) {
    const words = "the configuration's reference is the training profile of the champion"
    const { champion } = release
    return champion === undefined
      ? `${words}, and no version is champion; ${off} one with a profile is`
      : `${words}, and the signature of version ${champion} names none; ${off} one does`
  }
  const words = `the configuration's reference, the artifact ${digest},`
  try {
    await getReference(jetStreamArtifacts(log), digest)
    return undefined
  } catch (cause) {
    if (cause instanceof ArtifactMissing) return `${words} is not there; ${off} it is`
    if (!isUnreadable(cause)) throw cause
    return `${words} cannot be used: ${cause.message}; ${off} it can, and is started again`
  }
}

/** A sentence on what is wrong with the configured reference, as the monitor would find it. */
export const referenceProblem = async (question: WatchQuestion): Promise<string | undefined> => {
  const { log, model, settings } = question
  const { reference } = settings
  const off = `the monitor does not watch ${model} until`
  if (reference.kind === "file")
    try {
      await readFileReference(question, reference.path)
    } catch (cause) {
      if (!(cause instanceof CommandFailed)) throw cause
      return `${cause.message}; ${off} it can, and is started again`
    }
  if (reference.kind === "digest") return artifactProblem(question, reference.digest, off)
  if (reference.kind === "profile") return artifactProblem(question, undefined, off)
  if (reference.kind !== "range") return undefined
  const marks = await readMarks(log, model)
  const placeOf = (place: number | string) =>
    typeof place === "number" ? place : marks.findLast(({ name }) => name === place)?.position
  const { from, to } = reference
  const named = `the configuration's reference from ${from} to ${to}`
  const missing = [from, to].filter((place) => placeOf(place) === undefined)
  const words = missing.map((name) => `"${name}"`).join(" and ")
  if (missing.length === 1) return `${named} names a mark that is not set: ${words}; ${off} it is`
  if (missing.length > 1) return `${named} names marks that are not set: ${words}; ${off} they are`
  const [before = 0, end = 0] = [placeOf(from), placeOf(to)]
  const begin = typeof from === "string" ? before + 1 : before
  const last = await lastPosition(log)
  if (end > last)
    return `${named} ends behind the log, whose last position is ${last}; ${off} it has come`
  if (begin <= end) return undefined
  return `${named} holds no rows: it would begin at position ${begin}, behind its end at ${end}`
}

/** Why the monitor makes no further windows, as far as its findings and the configuration tell. */
export const watchNotes = async (
  question: WatchQuestion,
  course: ReadonlyArray<WindowFinding>,
): Promise<ReadonlyArray<string>> => {
  const { model, settings } = question
  const last = course.at(-1)
  const isTaken = last !== undefined && (await isAsConfigured(question, last.reference))
  const problem = isTaken ? undefined : await referenceProblem(question)
  if (problem !== undefined && last === undefined) throw new CommandFailed(problem)
  if (problem !== undefined) return [problem]
  const rows = settings.of === "truth" ? "rows with labels" : "rows"
  return last === undefined
    ? [
        `the monitor has taken no reference for ${model} yet: too few ${rows} came, or its own ` +
          "configuration cannot be used (weir_drift_watch_off in /metrics says so)",
      ]
    : []
}

interface Untested {
  count: number
  problem: string
}

const nameOf = ({ feature, slice, test }: TestOutcome): string => {
  const where = slice === undefined ? feature : `${feature} (${slice.feature} = ${slice.value})`
  return `${where}, ${test}`
}

/** Columns that are in no verdict, and tests that were not done, with the last reason of each. */
export const untested = (
  { settings, plans, release }: WatchQuestion,
  reference: Table | undefined,
  windows: ReadonlyArray<WindowEvaluated>,
): ReadonlyArray<string> => {
  if (reference === undefined) return []
  const held = new Set(reference.columns.map(({ name }) => name))
  const missing = (plans(versionInForce(release)) ?? [])
    .map(({ column }) => column.name)
    .filter((name) => !held.has(name) && settings.columns[name]?.ignore !== true)
  const found = new Map<string, Untested>()
  for (const { tests } of windows)
    for (const test of tests) {
      if (test.problem === undefined) continue
      const name = nameOf(test)
      found.set(name, { count: (found.get(name)?.count ?? 0) + 1, problem: test.problem })
    }
  const reasons = [...found].map(
    ([name, { count, problem }]) =>
      `not tested: ${name}, in ${count} of ${windows.length} windows: ${problem}`,
  )
  const more = reasons.length - REASONS_MAX
  return [
    ...(missing.length === 0
      ? []
      : [`not tested, since the reference does not hold them: ${missing.join(", ")}`]),
    ...reasons.slice(0, REASONS_MAX),
    ...(more > 0 ? [`${more} more tests were not done: --json names them`] : []),
  ]
}
