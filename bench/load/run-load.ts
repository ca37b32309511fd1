// Starts a load generator as a process, and tells when it records, so that others can be measured
// over exactly that time.
import { createInterface } from "node:readline"
import { Readable } from "node:stream"
import { join } from "node:path"
import { hold } from "../clean-ups.ts"
import type { LoadLine, LoadPlan, LoadResult } from "./plan.ts"

export interface LoadWatch {
  readonly begun?: () => Promise<void> | void
  readonly ended?: () => Promise<void> | void
}

const GENERATOR = join(import.meta.dir, "main.ts")
/** Beyond its plan: connecting, warming up, and the last answers. */
const MARGIN_MILLIS = 60_000

/** Runs a plan to its end; throws when the generator fails or does not end. */
export const runLoad = async (plan: LoadPlan, watch: LoadWatch = {}): Promise<LoadResult> => {
  const { made: child, undo: end } = hold(
    () =>
      Bun.spawn([process.execPath, GENERATOR], {
        stdin: new TextEncoder().encode(JSON.stringify(plan)),
        stdout: "pipe",
        stderr: "inherit",
      }),
    (generator) => generator.kill("SIGKILL"),
  )
  const longest = (plan.warmUpSeconds + plan.seconds) * 1_000 + MARGIN_MILLIS
  const overdue = setTimeout(() => child.kill("SIGKILL"), longest)
  let result: LoadResult | undefined
  // Boundary: Bun's web streams are Node's, under other names of their types.
  const stdout = Readable.from(child.stdout)
  for await (const text of createInterface({ input: stdout })) {
    const line: LoadLine = JSON.parse(text)
    if (line.line === "begun") await watch.begun?.()
    else if (line.line === "ended") await watch.ended?.()
    else result = line.result
  }
  await child.exited
  await end()
  clearTimeout(overdue)
  if (result === undefined) throw new Error("the load generator ended without a result")
  return result
}
