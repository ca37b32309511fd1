// What the words of `weir drift` mean: settings from the file with the flags over them, and places
// in the log by position, time or mark.
import { settingsOf, type DriftConfig } from "#core/drift/config"
import { isDistance } from "#core/drift/choice"
import { DURATION, ROWS } from "#core/drift/config-schema"
import { DETECTOR_TESTS, isColumnDetector } from "#core/drift/detectors"
import { FOLDS } from "#core/statistics/classifier-two-sample"
import type {
  ColumnSettings,
  DriftSettings,
  ProfileName,
  ReferenceSource,
} from "#core/drift/settings"
import type { WindowRule } from "#core/drift/window"
import { positionBefore } from "#core/findings/facts"
import { lastPosition } from "#core/findings/marks"
import { isTestName, testNames } from "#core/statistics/univariate"
import type { Log } from "#core/log/log"
import type { MarkSet } from "#proto/finding"
import type { Signature } from "#proto/signature"
import { columnPlans } from "#core/drift/columns"
import { UsageError } from "../command.ts"
import { readMoment, timeOf } from "../moment.ts"

export interface DriftWords {
  readonly config?: string
  readonly window?: string
  readonly reference?: string
  readonly test?: string
  readonly profile?: string
  readonly alpha?: string
  readonly effect?: string
}

/** A reference by its digest, or the one that the live monitor uses. */
export type AskedReference =
  { readonly kind: "live" } | { readonly kind: "digest"; readonly digest: string } | ReferenceSource

const { minimum: ROWS_LEAST, maximum: ROWS_MOST } = ROWS

/** A number of rows that the configuration would take too. */
const rowsOf = (text: string): number | undefined => {
  const rows = /^\d+$/u.test(text) ? Number(text) : Number.NaN
  return rows >= ROWS_LEAST && rows <= ROWS_MOST ? rows : undefined
}

const windowConfig = (text: string) => {
  if (text === "marks") return { marks: true } as const
  const rows = rowsOf(text)
  if (rows !== undefined) return { rows }
  if (DURATION.test(text)) return { every: text }
  throw new UsageError(
    `--window must be ${ROWS_LEAST} to ${ROWS_MOST} rows, a length from 1s to 999999d, or marks, ` +
      `got "${text}"`,
  )
}

const share = (flag: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() !== "" && value >= 0 && value <= 1) return value
  throw new UsageError(`--${flag} must be a number from 0 to 1, got "${text}"`)
}

const firstRows = (text: string): number => {
  const rows = rowsOf(text.slice("first:".length))
  if (rows !== undefined) return rows
  throw new UsageError(
    `--reference first:N must name ${ROWS_LEAST} to ${ROWS_MOST} rows, got "${text}"`,
  )
}

/** Reads live, window, profile, a digest, first:N, file:PATH, or A..B (positions or marks). */
export const readReference = (text: string): AskedReference => {
  if (text === "live" || text === "window" || text === "profile") return { kind: text }
  if (/^[0-9a-f]{64}$/u.test(text)) return { kind: "digest", digest: text }
  if (text.startsWith("first:")) return { kind: "first", rows: firstRows(text) }
  if (text.startsWith("file:")) return { kind: "file", path: text.slice("file:".length) }
  const [from, to, ...more] = text.split("..")
  if (from && to && more.length === 0) {
    const place = (word: string) => (/^\d{1,15}$/u.test(word) ? Number(word) : word)
    return { kind: "range", from: place(from), to: place(to) }
  }
  throw new UsageError(
    "--reference must be live, window, profile, first:N, FROM..TO, file:PATH or a digest, " +
      `got "${text}"`,
  )
}

const OTHER_TESTS = ["mmd", "classifier", ...DETECTOR_TESTS]

const profileOf = (text: string | undefined): ProfileName | undefined => {
  if (text === undefined) return undefined
  if (text === "weir" || text === "alibi" || text === "evidently" || text === "scipy") return text
  throw new UsageError(`--profile must be weir, alibi, evidently or scipy, got "${text}"`)
}

const MMD_ROWS = 300
const MMD_PERMUTATIONS = 200
const CLASSIFIER_ROWS = 1_000
/** Rows between two false alarms of online MMD where nothing else is said. */
const RUN_LENGTH_ROWS = 5_000

type Together = Pick<DriftSettings, "each" | "mmd" | "classifier" | "online">

/** Tests that are no column's own: of all columns together, and detectors over the stream. */
const otherTests = (found: DriftSettings, text: string): Together | undefined => {
  const alone = { each: false, mmd: undefined, classifier: undefined, online: [] }
  const mmd = { rows: MMD_ROWS, permutations: MMD_PERMUTATIONS, by: "graph" } as const
  const classifier = { rows: CLASSIFIER_ROWS, folds: FOLDS }
  if (text === "mmd") return { ...alone, mmd: found.mmd ?? mmd }
  if (text === "classifier") return { ...alone, classifier: found.classifier ?? classifier }
  if (text === "mmd-online")
    return { ...alone, online: [{ detector: "mmd", run_length: RUN_LENGTH_ROWS }] }
  return isColumnDetector(text) ? { ...alone, online: [{ detector: text }] } : undefined
}

/** The same test for every column that it fits. */
const withTest = (
  columns: DriftSettings["columns"],
  signature: Signature,
  text: string,
): DriftSettings["columns"] => {
  if (!isTestName(text))
    throw new UsageError(
      `--test must be one of ${[...testNames, ...OTHER_TESTS].join(", ")}; got "${text}"`,
    )
  const numbersOnly = text.startsWith("ks") || ["anderson", "cvm", "energy"].includes(text)
  const none: ColumnSettings = {
    ignore: false,
    kind: undefined,
    test: undefined,
    threshold: undefined,
    effect: undefined,
  }
  const fits = (kind: "numeric" | "categorical") =>
    kind === "numeric" ||
    !(numbersOnly || text.startsWith("mann") || text.startsWith("was") || text === "student-t")
  return Object.fromEntries(
    columnPlans(signature).map(({ column: { name, kind } }) => {
      const own = columns[name] ?? none
      return [name, fits(own.kind ?? kind) ? { ...own, test: text } : own]
    }),
  )
}

/** The settings of a model: the file's, with the flags over them. @throws UsageError */
export const driftSettings = (
  words: DriftWords,
  config: DriftConfig,
  model: string,
  signature: Signature,
): DriftSettings => {
  const profile = profileOf(words.profile)
  const own = {
    ...config.models?.[model],
    ...(words.window === undefined ? {} : { window: windowConfig(words.window) }),
    ...(profile === undefined ? {} : { profile }),
  }
  const found = settingsOf(
    { ...config, models: { [model]: own } },
    model,
    signature.referenceProfile !== undefined,
  )
  const others = words.test === undefined ? undefined : otherTests(found, words.test)
  const columns =
    words.test === undefined || others !== undefined
      ? found.columns
      : withTest(found.columns, signature, words.test)
  const alpha = share("alpha", words.alpha) ?? found.alpha
  const effect = share("effect", words.effect) ?? found.effect
  return { ...found, columns, alpha, effect, ...others }
}

/**
 * A position from `1234`, a time, `10m` or a mark; a start lies behind what it names.
 *
 * @throws UsageError naming the flag, also for what lies behind the end of the log.
 */
export const readPlace = async (
  log: Log,
  marks: ReadonlyArray<MarkSet>,
  side: "from" | "to",
  text: string,
  now: number,
  flag: string = side,
): Promise<number> => {
  const behind = side === "from" ? 1 : 0
  const mark = marks.findLast(({ name }) => name === text)
  if (mark !== undefined) return mark.position + behind
  const moment = readMoment(flag, text, now)
  if (!("position" in moment)) return (await positionBefore(log, moment.millis)) + behind
  const end = await lastPosition(log)
  if (moment.position <= end + behind) return moment.position
  throw new UsageError(
    `--${flag} must not lie behind the end of the log, whose last position is ${end}, ` +
      `got "${text}"`,
  )
}

const isPosition = (text: string): boolean => /^\d{1,15}$/u.test(text)

/** Two times or marks between which nothing came: what begins there lies behind the end. */
const isEmpty = (from: string, to: string, now: number): boolean =>
  !isPosition(from) &&
  !isPosition(to) &&
  (timeOf(from, now) ?? -Infinity) <= (timeOf(to, now) ?? Infinity)

/** @throws UsageError when the end of a range lies before its beginning. */
export const checkOrder = (
  words: { readonly from?: string | undefined; readonly to?: string | undefined },
  { from, to }: { readonly from: number; readonly to: number },
  now: number,
): void => {
  if (words.from === undefined || words.to === undefined || from <= to) return
  if (from === to + 1 && isEmpty(words.from, words.to, now)) return
  const place = (word: string, position: number) =>
    isPosition(word) ? word : `${word} (position ${position})`
  throw new UsageError(
    `--from ${place(words.from, from)} lies behind --to ${place(words.to, to)}: ` +
      "give the earlier place as --from",
  )
}

export const describeRule = (rule: WindowRule): string =>
  rule.kind === "rows"
    ? `${rule.rows} rows`
    : rule.kind === "time"
      ? `${rule.millis / 1_000} s`
      : "marks"

/** How the settings judge, in one line. */
export const describeJudgement = (settings: DriftSettings): string => {
  const { alpha, correction, effect, hits, windows, profile } = settings
  const tests = Object.values(settings.columns).flatMap(({ test }) => test ?? [])
  const distances = tests.filter(isDistance).length > 0 ? "; distances from their threshold" : ""
  return (
    `profile ${profile}: p < ${alpha} (${correction}) and effect ≥ ${effect}${distances}; ` +
    `reported after ${hits} of ${windows} windows`
  )
}
