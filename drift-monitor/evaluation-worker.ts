// The thread in which windows are tested, so that reading the log never waits for statistics.
import { evaluateWindow } from "../core/drift/evaluate.ts"
import { openMmdRunner } from "../core/drift/mmd-runner.ts"
import { prepareReference, type PreparedReference } from "../core/drift/prepared.ts"
import type { DriftSettings } from "../core/drift/settings.ts"
import type { FromEvaluation, ToEvaluation } from "./evaluation-messages.ts"
import { yieldToAll } from "./thread-priority.ts"

declare const self: Worker

yieldToAll()

interface Held {
  readonly prepared: PreparedReference
  readonly settings: DriftSettings
}

const references = new Map<string, Held>()

const runner = openMmdRunner()

const evaluate = async (
  message: ToEvaluation & { readonly type: "window" },
): Promise<FromEvaluation> => {
  const { job, name, table, seed, online } = message
  const held = references.get(name)
  if (held === undefined) return { type: "failed", job, reason: `no reference for ${name}` }
  const begun = performance.now()
  try {
    const evaluation = await evaluateWindow(held.prepared, table, held.settings, {
      seed,
      online,
      runner,
    })
    return { type: "evaluated", job, evaluation, millis: performance.now() - begun }
  } catch (cause) {
    return { type: "failed", job, reason: cause instanceof Error ? cause.message : String(cause) }
  }
}

const handle = async (data: ToEvaluation): Promise<void> => {
  switch (data.type) {
    case "reference": {
      const { name, table, settings } = data
      references.set(name, { prepared: prepareReference(table, settings), settings })
      return
    }
    case "forget":
      references.delete(data.name)
      return
    case "window":
      self.postMessage(await evaluate(data))
      return
    case "close":
      process.exit(0)
  }
}

let previous = Promise.resolve()
self.addEventListener("message", (event: MessageEvent<ToEvaluation>) => {
  previous = previous.then(() => handle(event.data))
})
