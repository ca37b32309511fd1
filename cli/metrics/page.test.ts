// The committed page about metrics, beside what running processes show, what promtool says of it,
// and what a real Prometheus makes of it.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Schema } from "effect"
import { changeAccess } from "#core/access/key-facts"
import { newKey, Pepper } from "#core/access/secrets"
import { until } from "../../test/support/eventually.ts"
import { freePorts } from "../../test/support/nats-server.ts"
import { startService, type RunningService } from "../../test/support/service.ts"
import {
  FLIGHTS_MODEL,
  FLIGHTS_SIGNATURE,
  startSystem,
  type TestSystem,
} from "../../test/support/system.ts"
import { testWithTool } from "../../test/support/tools.ts"
import { inProject } from "../project.ts"
import { describedMetrics } from "./page.ts"
import { formattedPage } from "./write-page.ts"

setDefaultTimeout(90_000)

const PEPPER = "the pepper of this test"
const REQUESTS = 40
const ROW = '{"data":[[1750,0,0,"DTW","LAS"]]}'

let system: TestSystem
let services: Readonly<Record<string, RunningService>>
let merged: RunningService
let key: string

const headers = () => ({ authorization: `Bearer ${key}` })
const scrape = async ({ url }: RunningService): Promise<string> => {
  const answer = await fetch(`${url}/metrics`, { headers: headers() })
  expect(answer.status).toBe(200)
  return answer.text()
}

beforeAll(async () => {
  system = await startSystem()
  await system.release("flights", "1", FLIGHTS_MODEL, FLIGHTS_SIGNATURE)
  key = newKey()
  const pepper = new Pepper(PEPPER)
  await changeAccess(system.log, "prometheus", {
    type: "Create",
    digest: pepper.digest(key).toString("hex"),
    pepper: pepper.fingerprint,
    scopes: ["operate", "predict"],
    ratePerSecond: undefined,
    beside: false,
    at: Date.now(),
  })
  const predictor = await system.predictor()
  const monitor = await startService("drift-monitor", system.environment)
  const own = {
    WEIR_AUTH: "required",
    WEIR_KEY_PEPPER: PEPPER,
    NATS_MONITOR_URL: system.nats.monitorUrl,
  }
  const gateway = await system.gateway(own)
  merged = await system.gateway({
    ...own,
    WEIR_METRICS_PEERS: `predictor=${predictor.url},drift-monitor=${monitor.url}`,
  })
  services = { gateway, predictor, "drift-monitor": monitor }
  await until("the gateway is ready", async () => (await fetch(`${gateway.url}/health`)).ok)
  for (let count = 0; count < REQUESTS; count++) {
    const init = { method: "POST", body: ROW, headers: headers() }
    expect((await fetch(`${gateway.url}/predict?model=flights`, init)).status).toBe(200)
  }
})
afterAll(async () => {
  await services["drift-monitor"]?.stop()
  await system.stop()
})

test("the committed page is the one that the registries give", async () => {
  // Mend it by: bun cli/metrics/write-page.ts
  expect(await Bun.file(inProject("docs", "metrics.md")).text()).toBe(await formattedPage())
})

const namesIn = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/^# TYPE (\S+) /gmu)].map(([, name = ""]) => name).toSorted()

test("each metric of the page is in a scrape of its process, and no other is", async () => {
  for (const [process, metrics] of await describedMetrics()) {
    const service = services[process]
    const shown = service === undefined ? "" : await scrape(service)
    const known = metrics.map(({ name }) => name).toSorted()
    expect({ process, names: namesIn(shown) }).toEqual({ process, names: known })
  }
})

test("names say part, thing and unit, and labels are never ids", async () => {
  const inherited =
    /^(requests_total|request_latency_seconds|drift_events_total|http_|ml_model_|process_|nodejs_)/u
  for (const [process, metrics] of await describedMetrics())
    for (const { name, labels, help } of metrics) {
      const part = process === "drift-monitor" ? "drift" : process
      const own = new RegExp(`^weir_(${part}|quality|log|tracing|webhook)_[a-z_]+$`, "u")
      expect({ name, fits: inherited.test(name) || own.test(name) }).toEqual({ name, fits: true })
      expect(labels.filter((label) => /(^|_)id$|request/u.test(label))).toEqual([])
      expect(help.length).toBeGreaterThan(5)
    }
})

test("what a server says of its disk is shown where its pages are known", async () => {
  const service = services["gateway"]
  await until("the server was asked", async () => {
    return service !== undefined && (await scrape(service)).includes("weir_log_sync_always 0")
  })
})

testWithTool("promtool", "promtool has nothing to say about any page", async (promtool) => {
  for (const service of [...Object.values(services), merged]) {
    const check = Bun.spawn([promtool, "check", "metrics"], {
      stdin: new Blob([await scrape(service)]),
      stdout: "pipe",
      stderr: "pipe",
    })
    const [out, err] = [new Response(check.stdout).text(), new Response(check.stderr).text()]
    const said = `${await out}${await err}`
    expect({ name: service.name, said }).toEqual({ name: service.name, said: "" })
  }
})

const Answer = Schema.Struct({
  data: Schema.Struct({
    result: Schema.Array(
      Schema.Struct({
        metric: Schema.Record(Schema.String, Schema.String),
        value: Schema.Tuple([Schema.Finite, Schema.String]),
      }),
    ),
  }),
})
const readAnswer = Schema.decodeUnknownSync(Answer)

/** Every process, and the merged page under another job. */
const scrapeConfiguration = (): string => {
  const job = (name: string, targets: ReadonlyArray<RunningService>) => ({
    job_name: name,
    authorization: { credentials: key },
    static_configs: [{ targets: targets.map(({ url }) => new URL(url).host) }],
  })
  return JSON.stringify({
    global: { scrape_interval: "250ms", scrape_timeout: "250ms" },
    scrape_configs: [job("weir", Object.values(services)), job("merged", [merged])],
  })
}

testWithTool("prometheus", "a Prometheus scrapes it, and counts each once", async (prometheus) => {
  const folder = mkdtempSync(join(tmpdir(), "weir-prometheus-"))
  const [port = 0] = freePorts(1)
  await Bun.write(join(folder, "prometheus.yml"), scrapeConfiguration())
  const child = Bun.spawn(
    [
      prometheus,
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdout: "ignore", stderr: "ignore" },
  )
  const query = async (expression: string) => {
    const address = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`
    const { data } = readAnswer(await (await fetch(address)).json())
    return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
  }
  try {
    await until("all are up", async () => {
      const up = await query("up")
      return up.length === 4 && up.every(({ value }) => value === 1)
    })
    for (const job of ["weir", "merged"]) {
      const sum = `sum(ml_model_predictions_total{job="${job}"})`
      expect(await query(sum)).toEqual([{ metric: {}, value: REQUESTS }])
    }
    const names = (await query('group by (__name__) ({job="weir"})')).length
    const samples = (await query('count({job="weir"})'))[0]?.value
    console.log(`Prometheus: ${names} names, ${samples} samples of ${up(services)} processes`)
    expect(names).toBeGreaterThan(50)
  } finally {
    child.kill("SIGTERM")
    await child.exited
    rmSync(folder, { recursive: true, force: true })
  }
})

const up = (all: Readonly<Record<string, unknown>>): number => Object.keys(all).length
