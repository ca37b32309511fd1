// `weir drift MODEL`: the windows of a past range, tested as the monitor tests them, gathered into
// what a table, JSON or a report shows.
import { featureOf } from "#core/drift/samples"
import { openMmdRunner } from "#core/drift/mmd-runner"
import { overlayOf } from "#core/drift/overlay"
import type { ReportFeature, ReportInput } from "#core/drift/report"
import { writeReference } from "#core/drift/reference"
import { expectedAlarms, type DriftSettings } from "#core/drift/settings"
import { courseFrom, lastBeginning, readCourse } from "#core/findings/course"
import { lastPosition, readMarks } from "#core/findings/marks"
import {
  PastWindows,
  type LiveCourse,
  type PastReference,
  type PastWindow,
} from "#core/findings/past-windows"
import { getReference, isUnreadable, readTable } from "#core/findings/references"
import type { FactSource } from "#core/findings/sources"
import { championProfile, type Plans } from "#core/findings/versions"
import type { Log } from "#core/log/log"
import { ArtifactMissing } from "#core/registry/artifacts"
import { jetStreamArtifacts } from "#core/registry/object-store"
import type { Release } from "#core/registry/release"
import { seedOf } from "#core/statistics/seeded-random"
import type { MarkSet, WindowEvaluated, WindowRange } from "#proto/finding"
import { CommandFailed } from "../command.ts"
import { checkOrder, readPlace, type AskedReference } from "./options.ts"
import { readFileReference } from "./file-reference.ts"
import { referenceProblem, untested, watchNotes } from "./watch-notes.ts"

export interface PastQuestion {
  readonly log: Log
  readonly source: FactSource
  readonly model: string
  readonly release: Release
  readonly settings: DriftSettings
  readonly plans: Plans
  readonly from: string | undefined
  readonly to: string | undefined
  /** As asked for; "live" falls back to the settings where there is no monitor yet. */
  readonly reference: AskedReference
  readonly now: number
}

export interface PastAnswer {
  readonly windows: ReadonlyArray<WindowEvaluated>
  readonly report: ReportInput
  readonly rest: WindowRange
  readonly facts: number
  /** What is wrong with the watch over this model, and which columns are not tested; sentences. */
  readonly notes: ReadonlyArray<string>
}

/** Windows whose findings are held for a report. */
const WINDOWS_MAX = 20_000

type Found = PastReference & { readonly to?: number }

const stored = async (log: Log, digest: string): Promise<Found> => {
  const { table, reference } = await getReference(jetStreamArtifacts(log), digest).catch(
    (cause: unknown) => {
      if (isUnreadable(cause))
        throw new CommandFailed(`the reference ${digest} cannot be used: ${cause.message}`)
      if (!(cause instanceof ArtifactMissing)) throw cause
      throw new CommandFailed(`the reference ${digest} is not there: no artifact has that digest`)
    },
  )
  const { origin, asked, to } = reference
  return { table, digest, origin, asked, ...(to === undefined ? {} : { to }) }
}

const fromRange = async (
  question: PastQuestion,
  marks: ReadonlyArray<MarkSet>,
  first: number | string,
  last: number | string,
): Promise<Found> => {
  const { log, source, model, settings, plans, now } = question
  const from = await readPlace(log, marks, "from", String(first), now, "reference")
  const to = await readPlace(log, marks, "to", String(last), now, "reference")
  const seed = seedOf(`${model} ${from}`)
  const table = await readTable(source, { from, to, rowsMax: settings.rowsMax, seed, plans })
  if (table.rows === 0) throw new CommandFailed(`there are no rows from ${from} to ${to}`)
  const origin = `range ${from} to ${to}`
  const { digest } = writeReference(table, { model, origin, asked: "", from, to })
  return { table, origin, digest, to }
}

/** The reference, or `undefined` where the first rows of the range are to be it. */
const findReference = async (
  question: PastQuestion,
  marks: ReadonlyArray<MarkSet>,
  asked: AskedReference,
): Promise<Found | undefined> => {
  const { log, model, release } = question
  switch (asked.kind) {
    case "live": {
      const problem = await referenceProblem(question)
      if (problem !== undefined) throw new CommandFailed(problem)
      return findReference(question, marks, question.settings.reference)
    }
    case "digest":
      return stored(log, asked.digest)
    case "profile": {
      const digest = championProfile(release)
      if (digest === undefined) throw new CommandFailed(`${model} carries no training profile`)
      return stored(log, digest)
    }
    case "file":
      return readFileReference(question, asked.path)
    case "range":
      return fromRange(question, marks, asked.from, asked.to)
    case "first":
    case "window":
      return undefined
  }
}

interface Course {
  readonly from: number
  readonly reference: Found | undefined
  readonly live: LiveCourse | undefined
  readonly notes: ReadonlyArray<string>
}

/** Where the range begins and what it is compared with: as the monitor had it, or as asked. */
const findCourse = async (
  question: PastQuestion,
  marks: ReadonlyArray<MarkSet>,
): Promise<Course> => {
  const { log, model, now } = question
  const begin = async (otherwise: number) =>
    question.from === undefined ? otherwise + 1 : readPlace(log, marks, "from", question.from, now)
  let notes: ReadonlyArray<string> = []
  if (question.reference.kind === "live") {
    const course = await readCourse(log, model, question.source.of)
    const from = await begin(lastBeginning(course))
    const found = courseFrom(course, from)
    notes = await watchNotes(question, course)
    if (found !== undefined) {
      const load = (digest: string) => stored(log, digest)
      return { from, reference: await load(found.reference), live: { ...found, load }, notes }
    }
  }
  const reference = await findReference(question, marks, question.reference)
  return { from: await begin(reference?.to ?? 0), reference, live: undefined, notes }
}

/** Keeps, per test over all rows, the picture of the window with the largest effect. */
class Pictures {
  readonly #best = new Map<string, ReportFeature & { readonly effect: number }>()

  see({ finding, table, reference }: PastWindow): void {
    for (const { feature, test, effect, slice } of finding.tests) {
      if (slice !== undefined || effect === undefined) continue
      const key = JSON.stringify([feature, test])
      if ((this.#best.get(key)?.effect ?? -1) >= effect) continue
      const prepared = reference.all.features.find(({ column }) => column.name === feature)
      const overlay =
        prepared === undefined
          ? undefined
          : overlayOf(prepared.feature, featureOf(table, prepared.column, undefined))
      this.#best.set(key, { feature, test, overlay, at: finding.number, effect })
    }
  }

  get features(): ReadonlyArray<ReportFeature> {
    return [...this.#best.values()]
  }
}

const DAY_MILLIS = 86_400_000

const alarms = (
  windows: ReadonlyArray<WindowEvaluated>,
  settings: DriftSettings,
): number | undefined => {
  const from = windows[0]?.window.firstAt
  const to = windows.at(-1)?.window.lastAt
  if (from === undefined || to === undefined || to <= from) return undefined
  const perDay = (windows.length * DAY_MILLIS) / (to - from)
  return windows.reduce((most, one) => Math.max(most, expectedAlarms(settings, one, perDay)), 0)
}

/** @throws CommandFailed, UsageError, ArtifactMissing, CsvUnreadable */
export const askPast = async (question: PastQuestion): Promise<PastAnswer> => {
  const { log, model, settings, plans, now } = question
  const marks = await readMarks(log, model)
  const { from, reference, live, notes } = await findCourse(question, marks)
  const to =
    question.to === undefined
      ? await lastPosition(log)
      : await readPlace(log, marks, "to", question.to, now)
  checkOrder(question, { from, to }, now)
  const asked = question.reference.kind === "live" ? settings.reference : question.reference
  const source = asked.kind === "digest" ? settings.reference : asked
  const past = new PastWindows({
    model,
    source: question.source,
    settings: { ...settings, reference: source },
    plans,
    from,
    to,
    marks: marks.map(({ position }) => position),
    reference,
    live,
    runner: openMmdRunner(),
    now,
  })
  const windows: Array<WindowEvaluated> = []
  const pictures = new Pictures()
  for await (const window of past.read()) {
    if (windows.length === WINDOWS_MAX)
      throw new CommandFailed(`more than ${WINDOWS_MAX} windows: ask for larger ones or less time`)
    windows.push(window.finding)
    pictures.see(window)
  }
  const { rest, facts, reference: used } = past.result
  const words =
    used === undefined ? "none" : `${used.origin} (${used.table.seen} rows, ${used.digest})`
  const { features } = pictures
  const falseAlarms = alarms(windows, settings)
  const report = { model, reference: words, from, to, windows, features }
  return {
    windows,
    rest,
    facts,
    notes: [...notes, ...untested(question, used?.table, windows)],
    report: { ...report, falseAlarmsPerDay: falseAlarms },
  }
}
