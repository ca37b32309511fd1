// The demonstration of drift on real data: three months of flights through a Weir of its own, with
// a drift-monitor and a receiver of its alerts. It ends what it started.
import { randomBytes } from "node:crypto"
import { makeSecret } from "#core/alerts/signature"
import { lastWindow } from "#core/findings/findings"
import { setMark } from "#core/findings/marks"
import type { Log } from "#core/log/log"
import { DEFAULT_LIMITS } from "#core/log/topology"
import { limitsEnvironment } from "#core/service/process-settings"
import type { TestOutcome, WindowEvaluated, WindowFinding } from "#proto/finding"
import { importModel } from "../laboratory/models.ts"
import { startLaboratory, type Laboratory } from "../laboratory/system.ts"
import { inProject } from "../project.ts"
import { table } from "../table.ts"
import { startService } from "../programs/start-service.ts"
import type { Running } from "../up/child.ts"
import { ARRIVALS, arrivalsModel, flightsByMonth, sendFlights, type Month } from "./arrivals.ts"
import { WebhookReceiver, type Received } from "./webhook-receiver.ts"

const GIB = 1024 ** 3
const STOP_WAIT_MILLIS = 20_000
const FOUND_WAIT_MILLIS = 60_000
const LOOK_AGAIN_MILLIS = 50

export interface DriftDemoResult {
  /** Of February and March, in that order. */
  readonly windows: ReadonlyArray<WindowEvaluated>
  readonly alerts: ReadonlyArray<Received>
  readonly refused: number
  /** What is not as it should be. */
  readonly broken: ReadonlyArray<string>
}

const startMonitor = (laboratory: Laboratory, receiver: string, secret: string): Promise<Running> =>
  startService("drift-monitor", {
    environment: {
      NATS_URL: laboratory.broker.servers,
      LOG_LEVEL: "error",
      DRIFT_ENABLED: "true",
      DRIFT_WEBHOOK: receiver,
      DRIFT_WEBHOOK_SECRET: secret,
      DRIFT_CONFIG: inProject("examples", "flights", "drift.yaml"),
      ...limitsEnvironment(laboratory.limits),
    },
    stopWaitMillis: STOP_WAIT_MILLIS,
    onLine: (line) => console.error(`drift-monitor: ${line}`),
  })

/** Looks until there is something; throws when that takes too long. */
const until = async <A>(what: string, look: () => Promise<A | undefined> | A | undefined) => {
  const deadline = performance.now() + FOUND_WAIT_MILLIS
  while (performance.now() < deadline) {
    const found = await look()
    if (found !== undefined) return found
    await Bun.sleep(LOOK_AGAIN_MILLIS)
  }
  throw new Error(`${what} did not come within ${FOUND_WAIT_MILLIS / 1_000} s`)
}

const endOf = (finding: WindowFinding | undefined): number =>
  (finding?._tag === "WindowEvaluated" ? finding.window.to : finding?.to) ?? 0

/** Sends a month, sets its mark, and gives what the monitor found about it. */
const playMonth = async (
  laboratory: Laboratory,
  month: Month,
  flights: Parameters<typeof sendFlights>[1],
): Promise<WindowFinding> => {
  const [url = ""] = laboratory.urls
  await sendFlights(url, flights)
  const { position } = await setMark(laboratory.log, ARRIVALS, month, Date.now())
  const look = async (log: Log) => {
    const { finding } = await lastWindow(log, ARRIVALS)
    return endOf(finding) >= position ? finding : undefined
  }
  return until(`the window of ${month}`, () => look(laboratory.log))
}

const NAMES: Readonly<Record<string, string>> = {
  delay: "delay, minutes",
  distance: "distance, miles",
  "output.late": "answer: late",
}

const number = (value: number | undefined): string =>
  value === undefined ? "–" : value < 0.001 ? value.toExponential(1) : value.toFixed(4)

const rowOf = (month: string, test: TestOutcome): ReadonlyArray<string> => [
  month,
  NAMES[test.feature] ?? test.feature,
  test.test,
  number(test.effect),
  number(test.pvalue),
  number(test.threshold),
  test.problem ?? (test.drifted ? "DRIFT" : "none"),
]

export const windowsText = (windows: ReadonlyArray<readonly [string, WindowEvaluated]>): string =>
  table(
    [
      { name: "window" },
      { name: "column" },
      { name: "test" },
      { name: "effect D", align: "right" },
      { name: "p", align: "right" },
      { name: "p below", align: "right" },
      { name: "verdict" },
    ],
    windows.flatMap(([month, { tests }]) => tests.map((test) => rowOf(month, test))),
  )

const driftedOf = (window: WindowEvaluated | undefined): ReadonlyArray<string> =>
  window?.tests.filter(({ drifted }) => drifted).map(({ feature }) => feature) ?? []

const judge = (
  windows: ReadonlyArray<WindowEvaluated>,
  alerts: ReadonlyArray<Received>,
  refused: number,
): ReadonlyArray<string> => {
  const [february, march] = windows
  const types = alerts.map(({ alert }) => alert.type).join(", ")
  return [
    ...(driftedOf(february).includes("delay") ? [] : ["February's delays were not flagged"]),
    ...(driftedOf(february).includes("distance") ? ["February's distances were flagged"] : []),
    ...driftedOf(march).map((feature) => `March's ${feature} was flagged`),
    ...(types === "drift.detected, drift.cleared" ? [] : [`alerts were "${types}"`]),
    ...(refused === 0 ? [] : [`${refused} messages had no valid signature`]),
  ]
}

const alertText = ({ id, alert: { type, data } }: Received): string => {
  const { from, to, rows } = data.window
  const names = data.features.map(({ name }) => name).join(", ")
  return `  ${type}: ${names}; positions ${from} to ${to}, ${rows} rows; signature valid\n    ${id}`
}

const play = async (
  laboratory: Laboratory,
  receiver: WebhookReceiver,
  say: (line: string) => void,
): Promise<DriftDemoResult> => {
  const windows: Array<readonly [Month, WindowEvaluated]> = []
  for (const [month, flights] of await flightsByMonth()) {
    const began = performance.now()
    const found = await playMonth(laboratory, month, flights)
    const seconds = ((performance.now() - began) / 1_000).toFixed(1)
    const role = found._tag === "WindowEvaluated" ? found.verdict : "is the reference"
    say(`${month}: ${flights.length} flights sent, answered and tested in ${seconds} s: ${role}`)
    if (found._tag === "WindowEvaluated") windows.push([month, found])
  }
  say(`\n${windowsText(windows)}\n`)
  await until("the second alert", () => receiver.received[1])
  const { received: alerts, refused } = receiver
  say(`alerts that came to ${receiver.url}:\n${alerts.map(alertText).join("\n")}`)
  const evaluated = windows.map(([, window]) => window)
  return { windows: evaluated, alerts, refused, broken: judge(evaluated, alerts, refused) }
}

/** Three months of flights; resolves when their alerts have come and everything has ended. */
export const runDriftDemo = async (say: (line: string) => void): Promise<DriftDemoResult> => {
  const secret = makeSecret(randomBytes)
  const receiver = new WebhookReceiver(secret)
  try {
    const laboratory = await startLaboratory({
      limits: { ...DEFAULT_LIMITS, historyBytesMax: GIB },
      predictors: 1,
      gateways: 1,
      servers: 1,
      prepare: (log) => importModel(log, ARRIVALS, arrivalsModel()),
    })
    try {
      const monitor = await startMonitor(laboratory, receiver.url, secret)
      try {
        say("nats-server, gateway, predictor and drift-monitor run; examples/flights/drift.yaml")
        return await play(laboratory, receiver, say)
      } finally {
        await monitor.stop()
      }
    } finally {
      await laboratory.stop()
    }
  } finally {
    await receiver.stop()
  }
}
