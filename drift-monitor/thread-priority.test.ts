import { expect, test } from "bun:test"
import { constants, getPriority } from "node:os"

test.if(process.platform === "linux")(
  "a thread that yields is below normal, and its process is not",
  async () => {
    const path = `${import.meta.dir}/thread-priority.ts`
    const source = `import { yieldToOthers } from ${JSON.stringify(path)}
      setInterval(() => undefined, 60_000)
      postMessage(yieldToOthers())`
    const url = URL.createObjectURL(new Blob([source], { type: "application/typescript" }))
    const before = getPriority(process.pid)
    const worker = new Worker(url)
    const { promise, resolve } = Promise.withResolvers<unknown>()
    worker.addEventListener("message", ({ data }) => resolve(data))
    const thread = await promise
    expect(getPriority(Number(thread))).toBe(constants.priority.PRIORITY_BELOW_NORMAL)
    expect(getPriority(process.pid)).toBe(before)
    worker.terminate()
  },
)
