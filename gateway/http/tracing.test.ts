// Traces as a collector gets them: one connected trace for each request, across gateway and
// predictor, and nobody waits for a collector that is slow or away.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { Counter, Registry } from "prom-client"
import { Schema } from "effect"
import { newSpanId, newTraceId } from "#core/service/trace-context"
import { SPANS_WAITING_MAX, Tracer, type Span } from "#core/service/tracing"
import { until } from "../../test/support/eventually.ts"
import { ask, post, ROWS, startTestSystem, TENSORS, type TestSystem } from "../test-system.ts"

setDefaultTimeout(60_000)

const Attribute = Schema.Struct({
  key: Schema.String,
  value: Schema.Struct({
    stringValue: Schema.optionalKey(Schema.String),
    intValue: Schema.optionalKey(Schema.String),
    boolValue: Schema.optionalKey(Schema.Boolean),
    doubleValue: Schema.optionalKey(Schema.Finite),
  }),
})
const ReceivedSpan = Schema.Struct({
  traceId: Schema.String.check(Schema.isPattern(/^[0-9a-f]{32}$/u)),
  spanId: Schema.String.check(Schema.isPattern(/^[0-9a-f]{16}$/u)),
  parentSpanId: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[0-9a-f]{16}$/u))),
  name: Schema.String,
  kind: Schema.Int,
  startTimeUnixNano: Schema.String.check(Schema.isPattern(/^\d{19}$/u)),
  endTimeUnixNano: Schema.String.check(Schema.isPattern(/^\d{19}$/u)),
  attributes: Schema.Array(Attribute),
  status: Schema.optionalKey(Schema.Struct({ code: Schema.Int, message: Schema.String })),
})
type ReceivedSpan = typeof ReceivedSpan.Type
const Export = Schema.Struct({
  resourceSpans: Schema.Array(
    Schema.Struct({
      resource: Schema.Struct({ attributes: Schema.Array(Attribute) }),
      scopeSpans: Schema.Array(
        Schema.Struct({
          scope: Schema.Struct({ name: Schema.String, version: Schema.String }),
          spans: Schema.Array(ReceivedSpan),
        }),
      ),
    }),
  ),
})
const readExport = Schema.decodeUnknownSync(Export)

const traces = new Map<string, Array<ReceivedSpan & { readonly service: string }>>()
const services = new Set<string>()
const keep = (body: unknown): void => {
  for (const { resource, scopeSpans } of readExport(body).resourceSpans) {
    const named = resource.attributes.find(({ key }) => key === "service.name")
    const service = named?.value.stringValue ?? ""
    services.add(service)
    for (const span of scopeSpans.flatMap(({ spans }) => spans))
      traces.set(span.traceId, [...(traces.get(span.traceId) ?? []), { ...span, service }])
  }
}

const collector = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: async (request) => {
    const isGood =
      new URL(request.url).pathname === "/v1/traces" &&
      request.headers.get("content-type") === "application/json" &&
      request.headers.get("x-team") === "weir tests"
    if (isGood) keep(await request.json())
    return Response.json({}, { status: isGood ? 200 : 400 })
  },
})

let system: TestSystem
let url: string
beforeAll(async () => {
  system = await startTestSystem({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url.origin,
    OTEL_EXPORTER_OTLP_HEADERS: "x-team=weir%20tests",
  })
  await system.startPredictor()
  url = (await system.startGateway()).url
})
afterAll(async () => {
  await system.stop()
  await collector.stop(true)
})

const WHOLE = ["batch", "fact", "publish request", "queue"]
const namesOf = (spans: ReadonlyArray<ReceivedSpan>) => spans.map(({ name }) => name).toSorted()

/** Every span but the first hangs on another of the same trace. */
const rootsOf = (spans: ReadonlyArray<ReceivedSpan>) => {
  const ids = new Set(spans.map(({ spanId }) => spanId))
  return spans.filter(({ parentSpanId }) => parentSpanId === undefined || !ids.has(parentSpanId))
}

test("each request makes one connected trace: request, publish, queue, batch, fact", async () => {
  const requests = 200
  const answers = await Promise.all(
    Array.from({ length: requests }, (_, at) =>
      at % 2 === 0 ? post(`${url}/predict`, ROWS) : post(`${url}/v2/models/flights/infer`, TENSORS),
    ),
  )
  expect(answers.every(({ status }) => status === 200)).toBe(true)
  const ids = answers.map(({ headers }) => headers.get("traceparent")?.split("-")[1] ?? "")
  expect(new Set(ids).size).toBe(requests)
  await until("all spans came", () => ids.every((id) => traces.get(id)?.length === 5))
  for (const id of ids) {
    const spans = traces.get(id) ?? []
    const [root, ...others] = rootsOf(spans)
    expect(others).toEqual([])
    expect(root).toMatchObject({ kind: 2, service: "weir-gateway" })
    expect(root?.parentSpanId).toBeUndefined()
    expect(namesOf(spans).filter((name) => !name.startsWith("POST"))).toEqual(WHOLE)
    for (const { startTimeUnixNano, endTimeUnixNano } of spans)
      expect(BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano)).toBe(true)
  }
  expect([...services].toSorted()).toEqual(["weir-gateway", "weir-predictor"])
})

test("a caller's trace goes on, and one that is not sampled is not recorded", async () => {
  const context = { traceId: newTraceId(), spanId: newSpanId() }
  const sampled = { traceparent: `00-${context.traceId}-${context.spanId}-01` }
  const answer = await post(`${url}/predict`, ROWS, sampled)
  expect(answer.headers.get("traceparent")).toContain(context.traceId)
  await until("its spans came", () => traces.get(context.traceId)?.length === 5)
  const spans = traces.get(context.traceId) ?? []
  expect(rootsOf(spans).map(({ parentSpanId }) => parentSpanId)).toEqual([context.spanId])

  const silent = `00-${newTraceId()}-${newSpanId()}-00`
  const quiet = await post(`${url}/predict`, ROWS, { traceparent: silent })
  expect(quiet.status).toBe(200)
  // What comes later has come: the quiet one would be there.
  const after = await post(`${url}/predict`, ROWS)
  const id = after.headers.get("traceparent")?.split("-")[1] ?? ""
  await until("later spans came", () => traces.get(id)?.length === 5)
  expect(traces.has(silent.split("-")[1] ?? "")).toBe(false)
})

test("the span of a bulk ends with its last answer, not with its head", async () => {
  const context = { traceId: newTraceId(), spanId: newSpanId() }
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const writer = writable.getWriter()
  const line = new TextEncoder().encode(`${ROWS}\n`)
  // The head of the answer comes with its first line.
  void writer.write(line)
  const answer = await fetch(`${url}/v2/models/flights/infer`, {
    method: "POST",
    body: readable,
    headers: {
      "content-type": "application/x-ndjson",
      traceparent: `00-${context.traceId}-${context.spanId}-01`,
    },
  })
  await until("the spans of the first line came", () => traces.get(context.traceId)?.length === 4)
  expect(namesOf(traces.get(context.traceId) ?? []).join()).not.toContain("POST")
  await writer.write(line)
  await writer.close()
  expect((await answer.text()).trim().split("\n").length).toBe(2)
  await until("all spans came", () => traces.get(context.traceId)?.length === 9)
  const spans = traces.get(context.traceId) ?? []
  const [root] = rootsOf(spans)
  expect(root?.name).toBe("POST /v2/models/:model/infer")
  // The log's word on a publish or a fact may come after the answer.
  const runs = spans.filter(({ name }) => name === "batch")
  expect(runs).toHaveLength(2)
  for (const { endTimeUnixNano } of runs)
    expect(BigInt(root?.endTimeUnixNano ?? 0)).toBeGreaterThanOrEqual(BigInt(endTimeUnixNano))
})

test("what fails says so in its spans, and refusals are spans without a queue", async () => {
  const trace = () => ({ id: newTraceId(), parent: newSpanId() })
  const refused = trace()
  await post(`${url}/predict`, "{", { traceparent: `00-${refused.id}-${refused.parent}-01` })
  await until("its span came", () => traces.get(refused.id)?.length === 1)
  expect(traces.get(refused.id)?.[0]).toMatchObject({ name: "POST /predict" })
  const status = traces
    .get(refused.id)?.[0]
    ?.attributes.find(({ key }) => key === "http.response.status_code")
  expect(status?.value.intValue).toBe("400")
})

const span = (): Span => ({
  name: "one",
  kind: "internal",
  traceId: newTraceId(),
  spanId: newSpanId(),
  parentSpanId: undefined,
  start: 1,
  end: 2,
  attributes: {},
})

test("a collector that never answers costs bounded memory, and nobody waits for it", async () => {
  const { promise: held, resolve } = Promise.withResolvers<void>()
  const silent = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => held.then(() => new Response("{}")),
  })
  const spans = new Counter({
    name: "spans_total",
    help: "Spans",
    labelNames: ["end"] as const,
    registers: [new Registry()],
  })
  const endpoint = silent.url.origin
  const tracer = new Tracer({ service: "s", version: "1", endpoint, headers: {}, spans })
  const surplus = 1_000
  const inExport = 512
  for (let count = 0; count < SPANS_WAITING_MAX + inExport + surplus; count++) tracer.record(span())
  const { values } = await spans.get()
  expect(values.map(({ labels, value }) => [labels.end, value])).toEqual([["dropped", surplus]])
  resolve()
  await tracer.stop()
  const ends = Object.fromEntries(
    (await spans.get()).values.map(({ labels, value }) => [labels.end, value]),
  )
  expect(ends).toEqual({ dropped: surplus, exported: SPANS_WAITING_MAX + inExport })
  await silent.stop(true)
})

test("without a collector no trace is begun, and a caller's is passed on as it came", async () => {
  const plain = await system.startGateway({ OTEL_EXPORTER_OTLP_ENDPOINT: "" })
  const without = await ask(`${plain.url}/v2/health/live`)
  expect(without.headers.get("traceparent")).toBeNull()
  const traceparent = `00-${newTraceId()}-${newSpanId()}-00`
  const answer = await post(`${plain.url}/predict`, ROWS, { traceparent })
  expect(answer.headers.get("traceparent")).toBe(traceparent)
})
