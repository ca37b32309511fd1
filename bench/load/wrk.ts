// A second opinion on our own generator where `wrk` is installed: the same bodies in turn, over the
// same number of connections.
import { join } from "node:path"
import { hold, holdFolder } from "../clean-ups.ts"
import type { HttpTarget } from "./plan.ts"

export interface WrkFigures {
  readonly perSecond: number
  readonly p50Millis: number
  readonly p99Millis: number
  /** Answers that were none, or not from 200 to 399. */
  readonly errors: number
}

const UNIT_MILLIS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000 }

const millisOf = (output: string, percent: number): number => {
  const found = new RegExp(`^ +${percent}% +([\\d.]+)(us|ms|s|m)$`, "m").exec(output)
  return Number(found?.[1] ?? Number.NaN) * (UNIT_MILLIS[found?.[2] ?? ""] ?? Number.NaN)
}

/** What wrk prints with --latency; undefined when it is something else. */
export const readWrk = (output: string): WrkFigures | undefined => {
  const perSecond = Number(/^Requests\/sec: +([\d.]+)$/m.exec(output)?.[1] ?? Number.NaN)
  if (Number.isNaN(perSecond)) return undefined
  const bad = Number(/^ +Non-2xx or 3xx responses: (\d+)$/m.exec(output)?.[1] ?? 0)
  const sockets = /^ +Socket errors: (.+)$/m.exec(output)?.[1] ?? ""
  const lost = [...sockets.matchAll(/\d+/g)].reduce((sum, [count]) => sum + Number(count), 0)
  return {
    perSecond,
    p50Millis: millisOf(output, 50),
    p99Millis: millisOf(output, 99),
    errors: bad + lost,
  }
}

const script = ({ bodies, headers }: HttpTarget): string => {
  const texts = bodies.map((body) => Buffer.from(body, "base64").toString("utf8"))
  const given = { "Content-Type": "application/json", ...headers }
  const lines = Object.entries(given).map(([name, value]) => `wrk.headers["${name}"] = "${value}"`)
  return [
    'wrk.method = "POST"',
    ...lines,
    `local bodies = { ${texts.map((text) => `[==[${text}]==]`).join(", ")} }`,
    "local at = 0",
    "request = function()",
    "  at = at % #bodies + 1",
    "  return wrk.format(nil, nil, nil, bodies[at])",
    "end",
  ].join("\n")
}

/** Undefined where wrk is not installed, or fails. */
export const runWrk = async (
  target: HttpTarget,
  callers: number,
  seconds: number,
): Promise<WrkFigures | undefined> => {
  const wrk = Bun.which("wrk")
  if (wrk === null) return undefined
  const { made: folder, undo: remove } = holdFolder("weir-wrk-")
  try {
    const path = join(folder, "bodies.lua")
    await Bun.write(path, script(target))
    const words = ["-t1", `-c${callers}`, `-d${seconds}s`, "--latency", "-s", path, target.url]
    const { made: child, undo: end } = hold(
      () => Bun.spawn([wrk, ...words], { stdout: "pipe", stderr: "ignore" }),
      (running) => running.kill(),
    )
    const output = await new Response(child.stdout).text()
    await end()
    return readWrk(output)
  } finally {
    await remove()
  }
}
