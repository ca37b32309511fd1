// More requests than a slow model can answer: callers are told so at once and how long to wait,
// memory stays what it was, and when the load is gone everything is as before.
import { DEFAULT_LIMITS } from "#core/log/topology"
import { REQUESTS } from "#proto/subjects"
import { TIMEOUT } from "#proto/headers"
import { describeFlags, EXIT_DONE, EXIT_FAILED, readWords, wholeNumber } from "../command.ts"
import { emptiedQueue } from "../laboratory/audit.ts"
import { expected, figuresText, quantile, tally, type Figures } from "../laboratory/figures.ts"
import { watchMemory, type Memory } from "../laboratory/memory-watch.ts"
import { importModel, SLOW_WIDTH, slowModel } from "../laboratory/models.ts"
import { runOpenLoop, type Sample } from "../laboratory/open-loop.ts"
import { QueueWatch } from "../laboratory/queue-watch.ts"
import {
  brokenTruth,
  RETRY_AFTER_FACTOR,
  truthFigures,
  truthOf,
  UNSTEADY_SHARE_MAX,
  type Truth,
} from "../laboratory/retry-after.ts"
import { startLaboratory, type Laboratory } from "../laboratory/system.ts"
import type { Show } from "../show.ts"

const GIB = 1024 ** 3
const MODEL = "slow"
const MILLIS_PER_ROW = 5
const OVERLOAD = 5
/** No machine is asked for more than this, so that the load itself is bounded. */
const RATE_MAX = 5_000
const CAPACITY_CALLERS = 16
const PROBES = 30
const UNDER_WAY_MAX = 4_096
const STATUSES = new Set([200, 429, 504])
const NORMAL_WITHIN_SECONDS = 10
/** "As before": no slower than this many times the slowest answer without load. */
const NORMAL_FACTOR = 2
const MEMORY_GROWTH_MAX_MIB = 256

const flags = {
  seconds: { value: "N", help: "length of the overload (default 20)" },
  drain: { value: "N", help: "seconds of work that the queue may hold (default 5)" },
} as const

export interface OverloadOptions {
  readonly seconds: number
  /** What the queue may hold, in seconds of the measured capacity. */
  readonly drainSeconds: number
  /** A quarter of the callers wait only so long for their answer. */
  readonly shortTimeoutMillis: number
  readonly capacitySeconds: number
  readonly say: (line: string) => void
}

export interface OverloadResult {
  readonly capacity: number
  readonly samples: ReadonlyArray<Sample>
  readonly notSent: number
  readonly truth: Truth
  readonly memory: ReadonlyArray<Memory>
  readonly usualMillis: ReadonlyArray<number>
  readonly normalAfterSeconds: number
  readonly left: number
  readonly broken: ReadonlyArray<string>
}

const body = JSON.stringify({
  inputs: [
    { name: "x", datatype: "FP32", shape: [1, SLOW_WIDTH], data: Array(SLOW_WIDTH).fill(0.5) },
  ],
})
const urlOf = ({ urls }: Laboratory) => `${urls[0] ?? ""}/v2/models/${MODEL}/infer`

/** One request by itself: its status and how long it took. */
const probe = async (laboratory: Laboratory) => {
  const began = performance.now()
  const response = await fetch(urlOf(laboratory), { method: "POST", body })
  await response.text()
  return { status: response.status, millis: performance.now() - began }
}

const probes = async (laboratory: Laboratory): Promise<ReadonlyArray<number>> => {
  const millis: Array<number> = []
  for (let at = 0; at < PROBES; at++) millis.push((await probe(laboratory)).millis)
  return millis
}

/** Answers a second while a few callers ask as fast as they are answered. */
const capacityOf = async (laboratory: Laboratory, seconds: number): Promise<number> => {
  const until = performance.now() + seconds * 1_000
  let answered = 0
  const caller = async () => {
    while (performance.now() < until) if ((await probe(laboratory)).status === 200) answered++
  }
  await Promise.all(Array.from({ length: CAPACITY_CALLERS }, caller))
  return answered / seconds
}

/** Seconds until an answer comes as fast as before; more than is allowed where none does. */
const secondsUntilNormal = async (laboratory: Laboratory, usualMillis: number): Promise<number> => {
  const began = performance.now()
  const seconds = () => (performance.now() - began) / 1_000
  while (seconds() <= 2 * NORMAL_WITHIN_SECONDS) {
    const { status, millis } = await probe(laboratory)
    if (status === 200 && millis <= NORMAL_FACTOR * usualMillis) return seconds()
  }
  return seconds()
}

const overload = async (laboratory: Laboratory, options: OverloadOptions) => {
  const { log, gateways, predictors, broker } = laboratory
  await probes(laboratory)
  const usualMillis = await probes(laboratory)
  const watch = new QueueWatch(log)
  const capacity = await capacityOf(laboratory, options.capacitySeconds)
  const ratePerSecond = Math.min(RATE_MAX, OVERLOAD * capacity)
  const queue = Math.ceil(options.drainSeconds * capacity)
  await log.manager.streams.update(REQUESTS, { max_msgs: queue })
  options.say(
    `${capacity.toFixed(0)} answers a second are possible; ` +
      `now ${ratePerSecond.toFixed(0)} requests a second for ${options.seconds} s, ` +
      `a queue of ${queue}`,
  )
  const parts = [
    ...gateways,
    ...predictors,
    ...broker.members.map(({ supervisor }) => supervisor),
  ].map((part) => ({ name: part.name, pid: () => part.pid }))
  const memoryEnd = watchMemory(parts)
  const loadEnd = Bun.sleep(options.seconds * 1_000)
  const loading = runOpenLoop({
    url: urlOf(laboratory),
    body,
    ratePerSecond,
    seconds: options.seconds,
    headers: [{ [TIMEOUT]: String(options.shortTimeoutMillis) }, {}, {}, {}],
    underWayMax: UNDER_WAY_MAX,
  })
  await loadEnd
  const normalAfterSeconds = await secondsUntilNormal(laboratory, Math.max(...usualMillis))
  const { samples, notSent } = await loading
  const { messages: left } = await emptiedQueue(log)
  await watch.end()
  const memory = await memoryEnd()
  return { capacity, samples, notSent, watch, memory, usualMillis, normalAfterSeconds, left }
}

const brokenOf = (result: Omit<OverloadResult, "broken">): ReadonlyArray<string> => {
  const { samples, truth, memory } = result
  const others = samples.filter(({ status }) => !STATUSES.has(status))
  const told = tally(others.map(({ status, code }) => `${status} ${code}`))
  const grown = memory.filter(({ first, most }) => most - first > MEMORY_GROWTH_MAX_MIB)
  return [
    ...expected(others.length, 0, `answers other than 200, 429 and 504: ${told}`),
    ...brokenTruth(truth),
    ...expected(result.notSent, 0, "requests that the generator could not send"),
    ...grown.map(({ name, first, most }) => `${name} grew from ${first | 0} to ${most | 0} MiB`),
    ...(result.normalAfterSeconds <= NORMAL_WITHIN_SECONDS
      ? []
      : [`not as before after ${result.normalAfterSeconds.toFixed(1)} s`]),
    ...expected(result.left, 0, "requests left in the queue"),
  ]
}

/** Measures what is possible, asks for five times as much, and looks at what callers were told. */
export const runOverload = async (options: OverloadOptions): Promise<OverloadResult> => {
  const model = await slowModel(MILLIS_PER_ROW)
  const laboratory = await startLaboratory({
    limits: { ...DEFAULT_LIMITS, historyBytesMax: 4 * GIB },
    predictors: 1,
    gateways: 1,
    servers: 1,
    prepare: (log) => importModel(log, MODEL, model),
  })
  try {
    const { watch, ...seen } = await overload(laboratory, options)
    const result = { ...seen, truth: truthOf(seen.samples, watch.looks) }
    return { ...result, broken: brokenOf(result) }
  } finally {
    await laboratory.stop()
  }
}

const figuresOf = (result: OverloadResult): Figures => {
  const { samples, truth, usualMillis } = result
  const refusals = samples.filter(({ status }) => status === 429)
  const millis = refusals.map(({ begunAt, endedAt }) => endedAt - begunAt)
  const told = refusals.map(({ retryAfterSeconds = 0 }) => retryAfterSeconds)
  return [
    ["capacity, answers a second", result.capacity.toFixed(0)],
    ["answers by status", tally(samples.map(({ status, code }) => `${status} ${code}`.trim()))],
    ["time to be refused, p50, p99, ms", `${quantile(millis, 0.5)}, ${quantile(millis, 0.99)}`],
    ["Retry-After, least and most, s", `${Math.min(...told)}, ${Math.max(...told)}`],
    ...truthFigures(truth),
    ...result.memory.map(
      ({ name, first, most, last }) =>
        [
          `memory of ${name} before, most, after, MiB`,
          `${first | 0}, ${most | 0}, ${last | 0}`,
        ] as const,
    ),
    [
      "answers before the load: p50, longest, ms",
      [0.5, 1].map((part) => quantile(usualMillis, part).toFixed(0)).join(", "),
    ],
    ["as before after, s", result.normalAfterSeconds.toFixed(1)],
  ]
}

export const show: Show = {
  summary: "Five times what a slow model can answer: 200, 429 with a true Retry-After, 504",
  usage: `Usage: ./weir show overload [flags]

A model that takes about ${MILLIS_PER_ROW} ms a row here gets ${OVERLOAD} times the requests that it
can answer, a quarter of them from callers who wait only 3 s. Every answer must be 200, 429 or 504;
no process may grow by more than ${MEMORY_GROWTH_MAX_MIB} MiB; and ${NORMAL_WITHIN_SECONDS} s after
the load answers must be as fast as before.

Each Retry-After must be within ${RETRY_AFTER_FACTOR} times of the real drain time: from the refusal
until as many requests were finished as were queued then. It is in whole seconds, rounded up; the
rounding is no error. Where the machine itself became faster or slower meanwhile, which nobody can
know before, it may instead be within ${RETRY_AFTER_FACTOR} times of what the drain would have taken
at the pace of as long a time before; of no more than ${UNSTEADY_SHARE_MAX * 100} % of the refusals.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set } = readWords(args, flags)
    const seconds = wholeNumber("seconds", set.seconds, { least: 1, most: 600, otherwise: 20 })
    const drainSeconds = wholeNumber("drain", set.drain, { least: 2, most: 600, otherwise: 5 })
    const result = await runOverload({
      seconds,
      drainSeconds,
      shortTimeoutMillis: 3_000,
      capacitySeconds: 5,
      say: console.log,
    })
    console.log(figuresText(figuresOf(result), result.broken))
    return result.broken.length === 0 ? EXIT_DONE : EXIT_FAILED
  },
}
