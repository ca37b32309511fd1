// The demonstration of drift at full size, and a receiver that somebody else writes to.
import { expect, test } from "bun:test"
import { runDriftDemo } from "./drift.ts"
import { WebhookReceiver } from "./webhook-receiver.ts"

const RUN_MILLIS = 120_000

test(
  "February's delays are flagged and told, March's and the distances are not",
  async () => {
    const lines: Array<string> = []
    const { windows, alerts, broken } = await runDriftDemo((line) => void lines.push(line))
    expect(broken).toEqual([])
    const effects = windows.map(({ tests }) =>
      tests
        .filter(({ feature }) => feature === "delay")
        .map(({ effect, drifted }) => [Number(effect?.toFixed(4)), drifted]),
    )
    expect(effects).toEqual([[[0.0518, true]], [[expect.any(Number), false]]])
    expect(alerts.map(({ alert }) => alert.type)).toEqual(["drift.detected", "drift.cleared"])
    expect(lines.join("\n")).toContain("signature valid")
  },
  RUN_MILLIS,
)

test("the receiver refuses what the secret did not sign", async () => {
  const receiver = new WebhookReceiver(`whsec_${Buffer.alloc(32, 1).toString("base64")}`)
  try {
    const headers = {
      "webhook-id": "drift-1",
      "webhook-timestamp": String(Math.floor(Date.now() / 1_000)),
      "webhook-signature": "v1,bm90IHRoZSBzaWduYXR1cmU=",
    }
    const answer = await fetch(receiver.url, { method: "POST", headers, body: "{}" })
    expect([answer.status, receiver.refused, receiver.received]).toEqual([401, 1, []])
  } finally {
    await receiver.stop()
  }
})
