// Supervision of real, tiny child processes: restarts, back-off, giving up, and an end in time.
import { afterEach, expect, spyOn, test } from "bun:test"
import { startChild } from "./child.ts"
import {
  RESTART_POLICY,
  restartWaitMillis,
  Supervisor,
  type RestartPolicy,
  type SupervisorEvent,
} from "./supervisor.ts"

const quick: RestartPolicy = {
  waitFirstMillis: 1,
  waitMostMillis: 4,
  settledAfterMillis: 60_000,
  earlyEndsMax: 3,
}
const started: Array<Supervisor> = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((one) => one.stop()))
})

/** Records what the supervisor reports; `next` waits for the next event of a type. */
const recorder = () => {
  const events: Array<SupervisorEvent> = []
  const waiting: Array<() => void> = []
  let seen = 0
  return {
    events,
    report: (event: SupervisorEvent) => {
      events.push(event)
      for (const wake of waiting.splice(0)) wake()
    },
    next: async <Type extends SupervisorEvent["type"]>(type: Type) => {
      for (;;) {
        while (seen < events.length) {
          const event = events[seen++]
          if (event?.type === type) return event as Extract<SupervisorEvent, { type: Type }>
        }
        const { promise, resolve } = Promise.withResolvers<void>()
        waiting.push(resolve)
        await promise
      }
    },
  }
}

const shell = (
  script: string,
  onLine: (line: string) => void = () => undefined,
  stopWaitMillis = 60_000,
) => startChild({ command: ["/bin/sh", "-c", script], stopWaitMillis, onLine })

const supervise = (
  start: () => ReturnType<typeof shell>,
  report: (event: SupervisorEvent) => void,
  policy: RestartPolicy = quick,
) => {
  const one = new Supervisor("part", async () => start(), report, policy)
  started.push(one)
  return one
}

const LIVES = "exec sleep 600"

test("a child that was killed is started again", async () => {
  const log = recorder()
  const supervisor = supervise(() => shell(LIVES), log.report)
  const first = await log.next("started")
  process.kill(first.pid, "SIGKILL")
  expect((await log.next("ended")).exit.signal).toBe("SIGKILL")
  const second = await log.next("started")
  expect(second.pid).not.toBe(first.pid)
  expect(supervisor.pid).toBe(second.pid)
})

test("a child that never settles is given up after the limit, and says its exit code", async () => {
  const log = recorder()
  const supervisor = supervise(() => shell("exit 3"), log.report)
  await supervisor.gaveUp
  expect(log.events.filter((event) => event.type === "started")).toHaveLength(3)
  expect((await log.next("ended")).exit.code).toBe(3)
  expect(log.events.at(-1)).toEqual({ type: "gaveUp", name: "part", ends: 3 })
})

test("a child that has settled once is never given up", async () => {
  const log = recorder()
  supervise(() => shell("exit 0"), log.report, { ...quick, settledAfterMillis: 0, earlyEndsMax: 1 })
  for (let round = 0; round < 5; round += 1) await log.next("started")
  expect(log.events.some((event) => event.type === "gaveUp")).toBe(false)
})

test("a child that says that starting it again is no use is started once", async () => {
  const log = recorder()
  const supervisor = supervise(() => shell("exit 2"), log.report, { ...quick, hopelessExitCode: 2 })
  expect(await supervisor.gaveUp).toEqual({ name: "part", isHopeless: true })
  expect(log.events.map(({ type }) => type)).toEqual(["started", "hopeless"])
})

test("however often a child is started again, one listener waits for the stop", async () => {
  const log = recorder()
  const add = spyOn(AbortSignal.prototype, "addEventListener")
  const remove = spyOn(AbortSignal.prototype, "removeEventListener")
  const supervisor = supervise(() => shell("exit 3"), log.report)
  await supervisor.gaveUp
  const aborts = (spy: typeof add | typeof remove) =>
    spy.mock.calls.filter(([type]) => type === "abort").length
  const [added, removed] = [aborts(add), aborts(remove)]
  add.mockRestore()
  remove.mockRestore()
  expect(added).toBe(2)
  expect(removed).toBe(added)
})

test("a program that is not there is named, not a crash", async () => {
  const log = recorder()
  const missing = () =>
    startChild({ command: ["/no/such/program"], stopWaitMillis: 1, onLine: () => undefined })
  const supervisor = supervise(missing, log.report)
  await supervisor.gaveUp
  expect((await log.next("notStarted")).reason).toContain("/no/such/program")
})

test("stop asks with SIGTERM and the child may finish its work", async () => {
  const log = recorder()
  const lines: Array<string> = []
  const ready = Promise.withResolvers<void>()
  const script = 'trap "echo finished; exit 0" TERM; echo ready; while :; do sleep 600 & wait; done'
  const supervisor = supervise(
    () =>
      shell(script, (line) => {
        lines.push(line)
        if (line === "ready") ready.resolve()
      }),
    log.report,
  )
  await ready.promise
  await supervisor.stop()
  expect((await log.next("stopped")).exit).toEqual({ code: 0, signal: null })
})

test("a child that ignores SIGTERM is killed when its time is over", async () => {
  const log = recorder()
  const ready = Promise.withResolvers<void>()
  const script = 'trap "" TERM; echo ready; while :; do sleep 600; done'
  const supervisor = supervise(() => shell(script, () => ready.resolve(), 50), log.report)
  await ready.promise
  await supervisor.stop()
  expect((await log.next("stopped")).exit.signal).toBe("SIGKILL")
})

test("what a killed child had started ends with it", async () => {
  const log = recorder()
  const grandchild = Promise.withResolvers<number>()
  const script = "sleep 600 & echo $!; wait"
  supervise(() => shell(script, (line) => grandchild.resolve(Number(line))), log.report)
  const { pid } = await log.next("started")
  const left = await grandchild.promise
  process.kill(pid, "SIGKILL")
  await log.next("ended")
  // Ends when the process is gone, or dead and waiting for init to notice.
  const whileAlive = `while ps -o stat= -p ${left} | grep -q "^[^Z]"; do sleep 0.05; done`
  expect(await Bun.spawn(["/bin/sh", "-c", whileAlive]).exited).toBe(0)
})

test("stop during the wait for a restart starts nothing more", async () => {
  const log = recorder()
  const slow: RestartPolicy = { ...quick, waitFirstMillis: 600_000, waitMostMillis: 600_000 }
  const supervisor = supervise(() => shell("exit 1"), log.report, slow)
  await log.next("ended")
  await supervisor.stop()
  expect(log.events.filter((event) => event.type === "started")).toHaveLength(1)
})

test("each early end doubles the wait, up to the limit", () => {
  const waits = [1, 2, 3, 4, 20].map((ends) => restartWaitMillis(ends, RESTART_POLICY))
  expect(waits).toEqual([200, 400, 800, 1_600, 10_000])
})
