// How the demonstration speaks: the second that has just gone by in one line, and the whole in a
// few.
import { rocAuc } from "#core/statistics/classification"
import { quantile } from "../laboratory/figures.ts"
import type { Second, Summary } from "./player.ts"

const percent = (part: number, whole: number): string =>
  whole === 0 ? "–" : `${((100 * part) / whole).toFixed(1)} %`

const mean = (values: ReadonlyArray<number>): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length

const millisText = (millis: ReadonlyArray<number>, part: number): string =>
  `${quantile(millis, part).toFixed(1)} ms`

/** Of the flights that were answered in this second: how many the model, and life, called late. */
const lateText = (answers: Second["answers"]): string => {
  const share = (check: (answer: Second["answers"][number]) => boolean) =>
    percent(answers.filter(check).length, answers.length)
  const chance = mean(answers.map(({ probability }) => probability))
  const predicted = share(({ calledLate }) => calledLate)
  return (
    `late: predicted ${predicted} (mean chance ${percent(chance, 1)}), ` +
    `true ${share(({ wasLate }) => wasLate)}`
  )
}

export const liveLine = (second: Second): string => {
  const { done, total, answers, millis, errors, seconds, date, position } = second
  return [
    // The month, the day and the time of departure.
    date.slice(5).replace("T", " "),
    `${done}/${total}`,
    `${Math.round((answers.length + errors) / seconds)}/s`,
    `p50 ${millisText(millis, 0.5)} p99 ${millisText(millis, 0.99)}`,
    `errors ${errors}`,
    lateText(answers),
    `position ${position}`,
  ].join("  ")
}

const areaUnderCurve = ({ answers }: Summary): string => {
  const labels = answers.map(({ wasLate }) => (wasLate ? 1 : 0))
  if (!labels.includes(1) || !labels.includes(0)) return "–"
  const scores = Float64Array.from(answers, ({ probability }) => probability)
  return rocAuc(labels, scores).toFixed(3)
}

export const summaryText = (summary: Summary): string => {
  const { seconds, total, done, millis, errors, answers } = summary
  const came = [...errors].map(([what, count]) => `${what} ${count}`).join(", ")
  const chance = mean(answers.map(({ probability }) => probability))
  const count = (check: (answer: Summary["answers"][number]) => boolean) =>
    percent(answers.filter(check).length, answers.length)
  const positions = `${summary.positionFirst} to ${summary.positionLast}`
  const rate = Math.round(done / seconds)
  return [
    "",
    `${done} of ${total} flights in ${seconds.toFixed(1)} s, ${rate} a second`,
    `  latency         p50 ${millisText(millis, 0.5)}, p99 ${millisText(millis, 0.99)}, ` +
      `longest ${millisText(millis, 1)}`,
    `  errors          ${came === "" ? "none" : came}`,
    `  predicted late  ${count(({ calledLate }) => calledLate)} of them; ` +
      `mean chance ${percent(chance, 1)}`,
    `  was late        ${count(({ wasLate }) => wasLate)} (arrived more than 15 minutes late)`,
    `  AUC             ${areaUnderCurve(summary)} (the model learned from January and February; ` +
      "on March alone it has 0.637)",
    `  in the log at   positions ${positions}`,
  ].join("\n")
}
