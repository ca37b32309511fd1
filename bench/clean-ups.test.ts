// How a bench ends that is told to: as a process of its own, with a Weir that it has started.
import { expect, test } from "bun:test"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { Readable } from "node:stream"
import { inProject } from "../cli/project.ts"
import { hold } from "./clean-ups.ts"

/** On a machine that is busy with other tests. */
const WAIT_MILLIS = 90_000

/** ONNX Runtime keeps files of its own there. */
const ownIn = (folder: string) => readdirSync(folder).filter((name) => name.startsWith("weir-"))

test("what is held is undone once, whoever asks for it", async () => {
  const undone: Array<string> = []
  const { made, undo } = hold(
    () => Promise.resolve("it"),
    async (making) => undone.push(await making),
  )
  expect(await made).toBe("it")
  await Promise.all([undo(), undo()])
  await undo()
  expect(undone).toEqual(["it"])
})

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)(
  "a bench that is told to end by %s leaves nothing behind",
  async (signal, code) => {
    const folder = mkdtempSync(join(tmpdir(), "weir-bench-test-"))
    try {
      const words = ["1000rpm", "--seconds", "600", "--warmup", "0"]
      const bench = Bun.spawn([process.execPath, inProject("bench", "main.ts"), ...words], {
        env: { ...process.env, TMPDIR: folder, WEIR_BENCH_REPORTS: join(folder, "reports") },
        stdout: "pipe",
        stderr: "ignore",
      })
      for await (const line of createInterface({ input: Readable.from(bench.stdout) }))
        if (line.includes("answers checked")) break
      expect(ownIn(folder).length).toBeGreaterThan(0)
      bench.kill(signal)
      expect(await bench.exited).toBe(code)
      expect(ownIn(folder)).toEqual([])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
  WAIT_MILLIS,
)
