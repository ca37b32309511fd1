// `bench peers`: what people pick instead, beside Weir, in one run on one machine: the same model,
// the same rows, answers checked first. A peer that cannot be had is left out by name.
import { UsageError } from "../../cli/command.ts"
import type { Bench, BenchOptions } from "../bench-command.ts"
import type { HttpTarget } from "../load/plan.ts"
import { runWrk, type WrkFigures } from "../load/wrk.ts"
import { measureCell, type Cell, type Subject } from "../measure/cell.ts"
import { memoryOf } from "../measure/weir-cells.ts"
import { fastapiPeers } from "../peers/fastapi.ts"
import type { Peer } from "../peers/peer.ts"
import { modelServers } from "../peers/servers.ts"
import { setUp } from "../peers/set-up.ts"
import { startPeer } from "../peers/start-peer.ts"
import { againstTargets, readingOf, wrkReadingOf, type Reading } from "../peers/targets.ts"
import { millis, whole } from "../report/markdown.ts"
import type { Mark, TextTable } from "../report/report.ts"
import { checkWeir, predictTarget, startWeir, type WeirOptions } from "../systems/weir.ts"

const SECONDS = 5
/** A Bun process compiles for some thousand requests; Python has nothing to warm up. */
const WARM_UP_SECONDS = 2
const FIRST_WARM_UP_SECONDS = 4
const MB = 1_000_000

export const PEERS: ReadonlyArray<Peer> = [...fastapiPeers, ...modelServers]

/** Load by load; the last one is for rows a second. */
const LOADS = [
  { callers: 1, rows: 1 },
  { callers: 32, rows: 1 },
  { callers: 128, rows: 1 },
  { callers: 32, rows: 32 },
] as const

interface Figures {
  readonly cells: ReadonlyArray<Cell>
  /** What wrk says of the loads with one row; empty where it is not installed. */
  readonly byWrk: ReadonlyArray<WrkFigures>
}

export interface Measured extends Figures {
  readonly name: string
  readonly title: string
  readonly logs: string
}

const measureByWrk = async (
  target: HttpTarget,
  options: BenchOptions,
): Promise<ReadonlyArray<WrkFigures>> => {
  const all: Array<WrkFigures> = []
  for (const { callers, rows } of LOADS) {
    if (rows !== 1) continue
    const found = await runWrk(target, callers, options.seconds ?? SECONDS)
    if (found === undefined) return []
    all.push(found)
  }
  return all
}

const measure = async (
  subject: Subject,
  target: (rows: number) => Promise<HttpTarget>,
  options: BenchOptions,
): Promise<Figures> => {
  const cells: Array<Cell> = []
  const cell = async (callers: number, rows: number, seconds: number, warmUpSeconds: number) =>
    measureCell({
      subject,
      rowsPerRequest: rows,
      form: "HTTP, JSON",
      plan: {
        target: await target(rows),
        loop: { kind: "closed", callers },
        warmUpSeconds,
        seconds,
      },
    })
  await cell(32, 1, options.warmUpSeconds ?? FIRST_WARM_UP_SECONDS, 0)
  for (const { callers, rows } of LOADS) {
    const warm = options.warmUpSeconds ?? WARM_UP_SECONDS
    cells.push((await cell(callers, rows, options.seconds ?? SECONDS, warm)).cell)
  }
  const texts = cells.map(({ load, rowsPerSecond }) => `${load} ${whole(rowsPerSecond)} rows/s`)
  const byWrk = await measureByWrk(await target(1), options)
  options.say(`  ${subject.name}: ${texts.join(", ")}`)
  return { cells, byWrk }
}

const measureWeir = async (
  name: string,
  weirOptions: WeirOptions,
  options: BenchOptions,
): Promise<Measured> => {
  const weir = await startWeir(weirOptions)
  try {
    await checkWeir(weir, 1)
    await checkWeir(weir, 32)
    const figures = await measure(weir, (rows) => predictTarget(weir.url, rows), options)
    return { name, title: weir.name, logs: "request and answer", ...figures }
  } finally {
    await weir.stop()
  }
}

const measurePeer = async (peer: Peer, options: BenchOptions): Promise<Measured | string> => {
  const { name, title, logs } = peer
  const environment = await setUp(peer.packages, options.say)
  if (environment.kind === "missing") return `${title} is left out: ${environment.reason}`
  if (options.setUpOnly) return `${title}: ready to be measured`
  try {
    const running = await startPeer(peer, environment.bin)
    try {
      await running.check(1)
      await running.check(32)
      return { name, title, logs, ...(await measure(running, running.target, options)) }
    } finally {
      await running.stop()
    }
  } catch (cause) {
    return `${title} is left out: ${cause instanceof Error ? cause.message : String(cause)}`
  }
}

const chosen = (only: ReadonlyArray<string>): ReadonlyArray<Peer> => {
  const unknown = only.find((name) => !PEERS.some((peer) => peer.name === name))
  const known = PEERS.map(({ name }) => name).join(", ")
  if (unknown !== undefined)
    throw new UsageError(`there is no peer "${unknown}"; there are: ${known}`)
  return only.length === 0 ? PEERS : PEERS.filter(({ name }) => only.includes(name))
}

const readingText = ({ perSecond, p50Millis, p99Millis }: Reading): string =>
  `${whole(perSecond)}, ${millis(p50Millis)}, ${millis(p99Millis)}`

const besideTable = (all: ReadonlyArray<Measured>): TextTable => ({
  title: "req/s, p50 ms, p99 ms; rows a second of 32 rows a request; RSS",
  columns: ["server", "logs?", "c=1", "c=32", "c=128", "32 rows, rows/s", "RSS MB"],
  rows: all.map(({ title, logs, cells }) => [
    title,
    logs,
    ...cells.slice(0, 3).map((cell) => readingText(readingOf(cell))),
    whole(cells[3]?.rowsPerSecond ?? 0),
    whole(Math.max(0, ...cells.map(memoryOf)) / MB),
  ]),
})

/** The generator with which the targets were measured. */
const wrkTables = (all: ReadonlyArray<Measured>): ReadonlyArray<TextTable> => {
  const found = all.filter(({ byWrk }) => byWrk.length > 0)
  if (found.length === 0) return []
  const columns = ["server", "c=1", "c=32", "c=128", "errors"]
  const rows = found.map(({ title, byWrk }) => [
    title,
    ...byWrk.map((one) => readingText(wrkReadingOf(one))),
    whole(byWrk.reduce((sum, { errors }) => sum + errors, 0)),
  ])
  return [{ title: "The same by wrk, 1 thread: req/s, p50 ms, p99 ms", columns, rows }]
}

const marksOf = (all: ReadonlyArray<Measured>): ReadonlyArray<Mark> => {
  const own = all.map(({ name, cells }) => ({ name, readings: cells.map(readingOf) }))
  const byWrk = all.map((one) => ({ name: one.name, readings: one.byWrk.map(wrkReadingOf) }))
  return [
    ...againstTargets(own),
    ...againstTargets(byWrk).map((mark) => ({ ...mark, figure: `${mark.figure}, by wrk` })),
  ]
}

/** Without any of them it is no comparison. */
export const measuredMark = (
  all: ReadonlyArray<Pick<Measured, "cells">>,
  peerCount: number,
): Mark => {
  const measured = all.filter(({ cells }) => cells.some(({ isWeir }) => !isWeir)).length
  return {
    figure: "peers that were measured",
    got: `${measured} of ${peerCount}`,
    must: { text: "≥ 1", held: measured > 0 },
  }
}

/** Both runs of Weir, begin and end, are taken: the machine may have changed between. */
const measureAll = async (options: BenchOptions) => {
  const skipped: Array<string> = []
  const all: Array<Measured> = []
  const add = (found: Measured | string) => {
    if (typeof found !== "string") return void all.push(found)
    skipped.push(found)
    options.say(`  ${found}`)
  }
  const peers = chosen(options.only)
  if (!options.setUpOnly) add(await measureWeir("weir", {}, options))
  for (const peer of peers) add(await measurePeer(peer, options))
  if (!options.setUpOnly) {
    const again = { name: "Weir, again at the end" }
    add(await measureWeir("weir-again", again, options))
    const synced = { name: "Weir, sync always", sync: "always" } as const
    add(await measureWeir("weir-sync", synced, options))
  }
  const marks = options.setUpOnly ? [] : [measuredMark(all, peers.length), ...marksOf(all)]
  return { all, skipped, marks }
}

export const peers: Bench = {
  name: "peers",
  summary: "What people pick instead, same model and machine, answers checked first",
  run: async (options) => {
    const { all, skipped, marks } = await measureAll(options)
    return {
      name: "peers",
      title: "Beside what people pick instead",
      cells: all.flatMap(({ cells }) => cells),
      tables: [besideTable(all), ...wrkTables(all)],
      marks,
      notes: [
        ...skipped,
        "Ratios count, not digits: the load generator shares the cores with the server.",
        ...(all.some(({ byWrk }) => byWrk.length > 0) ? [] : ["wrk is not installed."]),
      ],
      chart: {
        kind: "bars",
        title: "Requests a second, 32 callers",
        bars: all.map(({ title, cells }) => ({
          name: title,
          value: cells[1]?.perSecond ?? 0,
          text: `${whole(cells[1]?.perSecond ?? 0)}/s`,
        })),
      },
    }
  },
}
