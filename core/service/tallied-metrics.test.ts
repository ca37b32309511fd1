// What our counters and histograms expose, against prom-client's own.
import { expect, test } from "bun:test"
import { Counter, Histogram, Registry } from "prom-client"
import { TalliedCounter, TalliedHistogram } from "./tallied-metrics.ts"

const buckets = [0.1, 1, 10]
const VALUES = [0, 0.05, 0.1, 0.100_001, 1, 5, 10, 11, 1e9]
const HISTOGRAM = { name: "seconds", help: "Seconds", labelNames: ["route", "status"], buckets }
const COUNTER = { name: "all_total", help: "All", labelNames: ["route", "status"] }

test("a histogram exposes what prom-client's exposes for the same values", async () => {
  const [ours, theirs] = [new Registry(), new Registry()]
  const tallied = new TalliedHistogram({ ...HISTOGRAM, registers: [ours] })
  const plain = new Histogram({ ...HISTOGRAM, registers: [theirs] })
  for (const route of ["/a", '/"b"\\'])
    for (const status of [200, 404])
      for (const value of VALUES) {
        tallied.of(route, status).observe(value)
        plain.observe({ route, status }, value)
      }
  expect(await ours.metrics()).toBe(await theirs.metrics())
  expect(await ours.metrics()).toBe(await theirs.metrics())
})

test("a counter exposes what prom-client's exposes, and counts on after it was read", async () => {
  const [ours, theirs] = [new Registry(), new Registry()]
  const tallied = new TalliedCounter({ ...COUNTER, registers: [ours] })
  const plain = new Counter({ ...COUNTER, registers: [theirs] })
  for (let round = 0; round < 3; round++) {
    tallied.of("/a", 200).add()
    tallied.of("/a", 200).add(2)
    tallied.of("/b", 200).add()
    plain.inc({ route: "/a", status: 200 }, 3)
    plain.inc({ route: "/b", status: 200 })
    expect(await ours.metrics()).toBe(await theirs.metrics())
  }
})

test("without labels there is a histogram of zeros before the first value", async () => {
  const [ours, theirs] = [new Registry(), new Registry()]
  const tallied = new TalliedHistogram({ name: "s", help: "S", buckets, registers: [ours] })
  const plain = new Histogram({ name: "s", help: "S", buckets, registers: [theirs] })
  expect(await ours.metrics()).toBe(await theirs.metrics())
  tallied.of().observe(3)
  plain.observe(3)
  expect(await ours.metrics()).toBe(await theirs.metrics())
})

test("labels that do not fit are refused", () => {
  const tallied = new TalliedCounter({ ...COUNTER, registers: [new Registry()] })
  expect(() => tallied.of("/a")).toThrow("expected route, status")
})
