// A drift-monitor that does not run any more takes nobody with it.
import { afterAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inProject } from "../project.ts"
import { lostPart } from "./lost-parts.ts"
import { startUpOn, stopUps } from "./test-up.ts"

const UP_WAIT_MILLIS = 60_000
const folder = mkdtempSync(join(tmpdir(), "weir-lost-"))
afterAll(async () => {
  await stopUps()
  rmSync(folder, { recursive: true, force: true })
})

/** The process of a part, among the children of `weir up`. */
const childOf = async (parent: number, part: string): Promise<number> => {
  const listed = await Bun.$`ps -A -o pid=,ppid=,args=`.quiet().text()
  const rows = listed.split("\n").map((line) => line.trim().split(/\s+/))
  const found = rows.find((row) => row[1] === String(parent) && row.join(" ").includes(part))
  return Number(found?.[0])
}

test(
  "a drift-monitor that is given up is said, and the rest serves on",
  async () => {
    const config = join(folder, "drift.yaml")
    writeFileSync(config, "defaults: { alpha: 0.01 }")
    const data = join(folder, "data")
    const up = startUpOn(data, [], { DRIFT_CONFIG: config })
    await up.line("ready after")
    writeFileSync(config, "defaults: { alhpa: 0.01 }")
    process.kill(await childOf(up.child.pid, "/drift-monitor.js"), "SIGKILL")
    await up.line("ERROR drift-monitor is given up; the rest serves without it")
    expect(up.said()).toContain("alhpa")
    expect(lostPart(data)).toBe("drift-monitor")
    const doctor = Bun.spawn(
      [process.execPath, inProject("cli", "main.ts"), "doctor", "--data", data],
      { env: { ...process.env, NATS_URL: "" }, stdout: "pipe" },
    )
    expect(await new Response(doctor.stdout).text()).toContain("BAD  drift-monitor: ended")
    expect((await fetch(`${up.url}/v2/health/ready`)).status).toBe(200)
    const metrics = await (await fetch(`${up.url}/metrics`)).text()
    expect(metrics).toContain('weir_process_up{process="drift-monitor"} 0')
  },
  UP_WAIT_MILLIS,
)
