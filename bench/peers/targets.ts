// The figures to reach beside the peers, as ratios within one run: "must" closes an issue, "aim" is
// where we are going. A target whose peer was left out is left out too.
import type { Cell } from "../measure/cell.ts"
import type { WrkFigures } from "../load/wrk.ts"
import type { Mark } from "../report/report.ts"

/** What the targets are about, of one load. */
export interface Reading {
  readonly perSecond: number
  readonly rowsPerSecond: number
  readonly p50Millis: number
  readonly p99Millis: number
}

export const readingOf = ({ perSecond, rowsPerSecond, latency }: Cell): Reading => ({
  perSecond,
  rowsPerSecond,
  p50Millis: latency.p50,
  p99Millis: latency.p99,
})

/** Of requests with one row each. */
export const wrkReadingOf = ({ perSecond, p50Millis, p99Millis }: WrkFigures): Reading => ({
  perSecond,
  rowsPerSecond: perSecond,
  p50Millis,
  p99Millis,
})

interface System {
  readonly name: string
  readonly readings: ReadonlyArray<Reading>
}

type Figure = (reading: Reading) => number

interface Target {
  readonly figure: string
  readonly ours: string
  /** Undefined: the best of all peers. */
  readonly theirs: string | undefined
  /** Place among a system's readings. */
  readonly at: number
  readonly of: Figure
  readonly isLessBetter: boolean
  readonly must: number
  readonly aim: number
}

const perSecond: Figure = (reading) => reading.perSecond
const rowsPerSecond: Figure = (reading) => reading.rowsPerSecond
const p50: Figure = (reading) => reading.p50Millis
const p99: Figure = (reading) => reading.p99Millis

const atLeast = (
  figure: string,
  theirs: string,
  at: number,
  must: number,
  aim: number,
  of: Figure = perSecond,
  ours = "weir",
): Target => ({ figure, ours, theirs, at, of, isLessBetter: false, must, aim })

const atMost = (
  figure: string,
  theirs: string | undefined,
  at: number,
  must: number,
  aim: number,
  of: Figure,
): Target => ({ figure, ours: "weir", theirs, at, of, isLessBetter: true, must, aim })

const TARGETS: ReadonlyArray<Target> = [
  atLeast("throughput at c=32 ÷ FastAPI, 2 workers, no log", "fastapi-2", 1, 1, 1.5),
  atLeast("throughput at c=128 ÷ FastAPI, 2 workers, no log", "fastapi-2", 2, 1.1, 2),
  atLeast(
    "throughput at c=32 ÷ FastAPI + JetStream, 2 workers",
    "fastapi-jetstream-2",
    1,
    1.7,
    2.5,
  ),
  atLeast("throughput at c=128 ÷ FastAPI + JetStream, 2 workers", "fastapi-jetstream-2", 2, 2, 4),
  atMost("p50 at c=1 ÷ FastAPI + JetStream", "fastapi-jetstream", 0, 1.6, 0.9, p50),
  atMost("p99 at c=128 ÷ the best peer", undefined, 2, 0.6, 1 / 3, p99),
  atLeast("32 rows, rows/s ÷ FastAPI, 2 workers", "fastapi-2", 3, 1.2, 2, rowsPerSecond),
  ...[1, 2].map((at) =>
    atLeast(
      `synced, throughput at c=${at === 1 ? 32 : 128} ÷ FastAPI + JetStream, synced`,
      "fastapi-fsync",
      at,
      0.8,
      1.5,
      perSecond,
      "weir-sync",
    ),
  ),
]

const figureOf = (systems: ReadonlyArray<System>, { at, of }: Target): number | undefined => {
  const values = systems.flatMap(({ readings }) => {
    const found = readings[at]
    return found === undefined ? [] : [of(found)]
  })
  return values.length === 0
    ? undefined
    : values.reduce((sum, value) => sum + value, 0) / values.length
}

const isOurs = ({ name }: System) => name.startsWith("weir")

/** The mean of both runs where there are two. */
const oursOf = (all: ReadonlyArray<System>, target: Target): number | undefined => {
  const names = target.ours === "weir" ? ["weir", "weir-again"] : [target.ours]
  const systems = all.filter(({ name }) => names.includes(name))
  return figureOf(systems, target)
}

const theirsOf = (all: ReadonlyArray<System>, target: Target): number | undefined => {
  if (target.theirs !== undefined)
    return figureOf(
      all.filter(({ name }) => name === target.theirs),
      target,
    )
  const values = all
    .filter((system) => !isOurs(system))
    .flatMap((system) => figureOf([system], target) ?? [])
  if (values.length === 0) return undefined
  return target.isLessBetter ? Math.min(...values) : Math.max(...values)
}

/** Each target that this run can be held against. */
export const againstTargets = (all: ReadonlyArray<System>): ReadonlyArray<Mark> =>
  TARGETS.flatMap((target) => {
    const ours = oursOf(all, target)
    const theirs = theirsOf(all, target)
    if (ours === undefined || theirs === undefined || theirs === 0) return []
    const ratio = ours / theirs
    const sign = target.isLessBetter ? "≤" : "≥"
    const held = (limit: number) => (target.isLessBetter ? ratio <= limit : ratio >= limit)
    const text = (limit: number) => `${sign} ${Math.round(limit * 100) / 100}×`
    return [
      {
        figure: target.figure,
        got: `${ratio.toFixed(2)}×`,
        must: { text: text(target.must), held: held(target.must) },
        aim: { text: text(target.aim), held: held(target.aim) },
      },
    ]
  })
