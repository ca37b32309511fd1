// One page from several: as promtool and Prometheus read it.
import { expect, test } from "bun:test"
import { Counter, Gauge, Histogram, Registry } from "prom-client"
import { testWithTool } from "../../test/support/tools.ts"
import { mergedMetrics, mergePages, readPeers } from "./merged-metrics.ts"

const page = async (count: number): Promise<string> => {
  const registers = [new Registry()]
  const labelNames = ["model"] as const
  const name = (rest: string) => ({ name: `weir_${rest}`, help: `Some ${rest}`, registers })
  new Counter({ ...name("answers_total"), labelNames }).inc({ model: 'a"b,}' }, count)
  new Gauge(name("held_requests")).set(count)
  new Histogram({ ...name("run_seconds"), labelNames, buckets: [1, 2] }).observe({ model: "m" }, 1)
  return registers[0]?.metrics() ?? ""
}

test("each sample names its process, and each metric is described once", async () => {
  const text = mergePages([
    { process: "gateway", text: await page(1) },
    { process: "predictor-1", text: await page(2) },
    { process: "predictor-2", text: undefined },
  ])
  expect(text).toContain('weir_held_requests{process="gateway"} 1')
  expect(text).toContain('weir_held_requests{process="predictor-1"} 2')
  expect(text).toContain('weir_answers_total{process="gateway",model="a\\"b,}"} 1')
  expect(text).toContain('weir_process_up{process="predictor-2"} 0')
  expect(text.match(/# TYPE weir_run_seconds histogram/gu)?.length).toBe(1)
  const names = text.split("\n").map((line) => line.split(/[{ ]/u)[0] ?? "")
  const blocks = names.filter((name, at) => name !== "" && name !== "#" && name !== names[at - 1])
  expect(blocks.filter((name) => name === "weir_held_requests").length).toBe(1)
})

test("peers are named with their addresses, anything else is refused", () => {
  expect(readPeers("")).toEqual([])
  expect(readPeers("a=http://127.0.0.1:1/, b-2=http://h:2")).toEqual([
    { process: "a", url: "http://127.0.0.1:1" },
    { process: "b-2", url: "http://h:2" },
  ])
  for (const wrong of ["a", "a=b", "a b=http://h", 'a"=http://h'])
    expect(() => readPeers(wrong)).toThrow("name=http")
})

test("a peer that is away shows as down, and the others are there", async () => {
  const text = await mergedMetrics({ process: "gateway", text: await page(3) }, [
    { process: "gone", url: "http://127.0.0.1:1" },
  ])
  expect(text).toContain('weir_process_up{process="gone"} 0')
  expect(text).toContain('weir_held_requests{process="gateway"} 3')
})

testWithTool("promtool", "promtool has nothing to say about a merged page", async (promtool) => {
  const text = mergePages([
    { process: "gateway", text: await page(1) },
    { process: "predictor", text: await page(2) },
  ])
  const check = Bun.spawn([promtool, "check", "metrics"], {
    stdin: new Blob([text]),
    stdout: "pipe",
    stderr: "pipe",
  })
  const outputs = [check.stdout, check.stderr].map((output) => new Response(output).text())
  const said = (await Promise.all(outputs)).join("")
  expect({ said, code: await check.exited }).toEqual({ said: "", code: 0 })
})
