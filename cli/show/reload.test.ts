// The demonstration of versions that come and go, at small size.
import { expect, test } from "bun:test"
import { runReload } from "./reload.ts"

const WAIT_MILLIS = 120_000

test(
  "two versions are loaded and one unloaded under load, and nobody else notices",
  async () => {
    const result = await runReload({ loads: 2, unloads: 1, say: () => undefined })
    expect(result.broken).toEqual([])
    expect(result.asked.filter(({ version }) => version === 3).length).toBeGreaterThan(0)
    expect(result.asked.some(({ what }) => what === "503")).toBe(true)
  },
  WAIT_MILLIS,
)
