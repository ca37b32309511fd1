// `weir performance`: how good a model's answers were, as far as it is known what came true, and
// how good they are expected to be where it is not.
import { measure, measured } from "#core/outcomes/measure"
import { pastLedger, WHOLE } from "#core/outcomes/past"
import { lastFactPosition } from "#core/findings/facts"
import { readMarks } from "#core/findings/marks"
import type { WindowRule } from "#core/drift/window"
import {
  describeFlags,
  EXIT_DONE,
  readWords,
  UsageError,
  wholeNumber,
  type Command,
} from "../command.ts"
import { readPlace } from "../drift/options.ts"
import { jsonFlag, logFlags, withFoundLog } from "../find-log.ts"
import { findModel, horizonMillis, sliceFeatures } from "../outcomes/model.ts"
import { performancePage } from "../outcomes/page.ts"
import { estimateText, groupsTable, nameOf, type NamedGroup } from "../outcomes/text.ts"
import { startProgress } from "../progress.ts"
import { durationText } from "../table.ts"

const flags = {
  from: { value: "PLACE", help: "position, time, length ago such as 2h, or mark (default: all)" },
  to: { value: "PLACE", help: "the same (default: now)" },
  by: { value: "WHAT", help: "version (default), slice or window" },
  slice: { value: "FEATURES", help: "slice by these, commas between (default: all texts)" },
  window: { value: "ROWS", help: "rows of a window (default 1000)" },
  html: { value: "FILE", help: "write a page that needs nothing else" },
  json: jsonFlag,
  ...logFlags,
} as const

const GROUPINGS = ["version", "slice", "window"] as const
type Grouping = (typeof GROUPINGS)[number]
const WINDOW_ROWS = { least: 1, most: 1_000_000, otherwise: 1_000 }

const groupingOf = (text: string | undefined): Grouping => {
  const found = GROUPINGS.find((one) => one === (text ?? "version"))
  if (found !== undefined) return found
  throw new UsageError(`--by must be one of ${GROUPINGS.join(", ")}, got "${text}"`)
}

interface Asked {
  readonly model: string
  readonly by: Grouping
  readonly rule: WindowRule
  readonly slice: string | undefined
  readonly from: string | undefined
  readonly to: string | undefined
}

const answer = async (log: Parameters<typeof findModel>[0], asked: Asked) => {
  const { model, by, rule } = asked
  const { release, signature } = await findModel(log, model)
  const marks = await readMarks(log, model)
  const now = Date.now()
  const place = (flag: "from" | "to", text: string) => readPlace(log, marks, flag, text, now)
  const from = asked.from === undefined ? 1 : await place("from", asked.from)
  const to =
    asked.to === undefined ? await lastFactPosition(log, model) : await place("to", asked.to)
  const progress = startProgress()
  const ledger = await pastLedger({
    log,
    model,
    release,
    rule,
    from,
    to,
    sliceFeatures: by === "slice" ? sliceFeatures(asked.slice, signature) : [],
    horizonMillis: horizonMillis(),
    onProgress: (read, left) => progress.show(`reading the long log: ${read} of ${read + left}`),
  })
  progress.end()
  const whole = measure(ledger)
  const windows = ledger.windows
    .filter(({ range }) => range.facts > 0)
    .map((window) => measured(ledger, model, window, now))
  const named = whole.groups.map((group): NamedGroup => ({ name: nameOf(group), group }))
  const wanted = by === "slice" ? named.filter(({ group }) => !group.version) : named
  const ofWindows = windows.flatMap(({ number, window, groups }) => {
    const [group] = groups
    const name = `window ${number} (${window.from}–${window.to})`
    return group === undefined ? [] : [{ name, group }]
  })
  const { task } = signature
  return { model, task, from, to, whole, windows, shown: by === "window" ? ofWindows : wanted }
}

const noMetrics = "task other: its signature names no classification or regression to measure"

export const performance: Command = {
  name: "performance",
  summary: "How good the answers were, from ground truth and without it",
  usage: `Usage: ./weir performance MODEL [--from PLACE] [--to PLACE] [--by version|slice|window] …

Joins the predictions of the range with what came true, by the code that the monitor runs:
accuracy, F1, AUC, log loss, Brier score and calibration error of a classification, MAE, RMSE
and R2 of a regression. EXPECTED is what they should be by the probabilities alone.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set, switches, positionals } = readWords(args, flags, 1)
    const [model] = positionals
    if (model === undefined) throw new UsageError("which model? Give its name")
    const by = groupingOf(set.by)
    const rows = wholeNumber("window", set.window, WINDOW_ROWS)
    const rule: WindowRule = by === "window" ? { kind: "rows", rows } : WHOLE
    const { slice, from, to } = set
    const asked = { model, by, rule, slice, from, to }
    const found = await withFoundLog("performance", set, (log) => answer(log, asked))
    const range = `positions ${found.from} to ${found.to}`
    if (set.html !== undefined) {
      const sections = [[`By ${by}`, found.shown]] as const
      await Bun.write(set.html, performancePage({ model, range, sections }))
      console.error(`wrote ${set.html}`)
    }
    if (switches.has("json")) {
      const { task, whole, windows } = found
      const document = { model, task, from: found.from, to: found.to, ...whole }
      console.log(
        JSON.stringify(by === "window" ? { ...document, windows } : document, undefined, 2),
      )
      return EXIT_DONE
    }
    const { delayMedian, delayMost } = found.whole
    const delay =
      delayMedian === undefined || delayMost === undefined
        ? "no labels yet"
        : `labels came ${durationText(delayMedian)} after the request (median), 95 % within ` +
          durationText(delayMost)
    const notes = [range, delay, estimateText(found.whole.groups[0])]
    if (found.task === "other") notes.push(noMetrics)
    console.log([groupsTable(found.shown), ...notes.filter((one) => one !== "")].join("\n"))
    return EXIT_DONE
  },
}
