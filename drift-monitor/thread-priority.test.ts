import { expect, test } from "bun:test"
import { constants, getPriority } from "node:os"
import { readdirSync } from "node:fs"

const PATH = `${import.meta.dir}/thread-priority.ts`
const { PRIORITY_BELOW_NORMAL, PRIORITY_LOW } = constants.priority
const onLinux = test.if(process.platform === "linux")

onLinux("a thread that yields to all is behind all, and its process is not", async () => {
  const source = `import { yieldToAll } from ${JSON.stringify(PATH)}
    setInterval(() => undefined, 60_000)
    postMessage(yieldToAll())`
  const url = URL.createObjectURL(new Blob([source], { type: "application/typescript" }))
  const before = getPriority(process.pid)
  const worker = new Worker(url)
  const { promise, resolve } = Promise.withResolvers<unknown>()
  worker.addEventListener("message", ({ data }) => resolve(data))
  const thread = await promise
  expect(getPriority(Number(thread))).toBe(PRIORITY_LOW)
  expect(getPriority(process.pid)).toBe(before)
  worker.terminate()
})

onLinux("a process that yields is below normal with all its threads, and still runs", async () => {
  const source = `import { yieldToOthers } from ${JSON.stringify(PATH)}
    console.log(yieldToOthers())
    await new Promise((resolve) => process.stdin.once("data", resolve))`
  const child = Bun.spawn([process.execPath, "-e", source], { stdin: "pipe", stdout: "pipe" })
  const { value } = await child.stdout.getReader().read()
  expect(new TextDecoder().decode(value)).toBe("true\n")
  const threads = readdirSync(`/proc/${child.pid}/task`).map(Number)
  expect(threads.length).toBeGreaterThan(1)
  expect(threads.map((thread) => getPriority(thread))).toEqual(
    threads.map(() => PRIORITY_BELOW_NORMAL),
  )
  child.stdin.write("end\n")
  await child.stdin.end()
  expect(await child.exited).toBe(0)
})
