// The demonstration of crashes at small size: one server, and a cluster of three.
import { expect, test } from "bun:test"
import { runCrash, type CrashOptions } from "./crash.ts"

const SINGLE: CrashOptions = {
  requests: 1_500,
  seed: 20_260_801,
  faultShare: 0.2,
  isCluster: false,
  say: () => undefined,
}
const WAIT_MILLIS = 180_000

test(
  "server, predictors and gateways are killed under load, and nothing is lost or differs",
  async () => {
    const { broken, clients, struck } = await runCrash(SINGLE)
    expect(broken).toEqual([])
    expect(clients.answers.length).toBeGreaterThanOrEqual(SINGLE.requests)
    expect(struck.map(({ kind }) => kind).toSorted()).toEqual([
      "broker",
      "broker",
      "gateway",
      "predictor",
      "predictor",
    ])
  },
  WAIT_MILLIS,
)

test(
  "the leader of three servers is killed and stepped down under load, and nothing is lost",
  async () => {
    const { broken, struck } = await runCrash({ ...SINGLE, requests: 800, isCluster: true })
    expect(broken).toEqual([])
    expect(struck.length).toBe(2)
  },
  WAIT_MILLIS,
)
