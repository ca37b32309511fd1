// Entry point of the child process of a first load: reads, loads and runs one model file, sends one
// answer and ends. A crash in here is its parent's answer.
import { readFile, writeFile } from "node:fs/promises"
import { Schema } from "effect"
import type { Signature } from "#proto/signature"
import { proveBatching, withSample } from "./batching-proof.ts"
import { type FirstLoadAnswer, FirstLoadTask } from "./first-load-messages.ts"
import { ModelRefused, refuse } from "./model-refused.ts"
import { type OnnxGraph, readGraph } from "./onnx-graph.ts"
import { findRowMixing } from "./row-independence.ts"
import { type ModelSession, openSession } from "./session.ts"
import { deriveSignature } from "./signature-derivation.ts"
import { datatypeOfRuntime } from "./tensor-data.ts"
import { warmUp } from "./warm-up.ts"

const nowMicros = (): number => performance.now() * 1_000

/**
 * What this project's reader and the runtime see in one file must be the same: protobuf leaves room
 * for two readings.
 */
const checkAgreement = (graph: OnnxGraph, session: ModelSession): void => {
  for (const [role, ours, theirs] of [
    ["input", graph.inputs, session.inputs],
    ["output", graph.outputs, session.outputs],
  ] as const) {
    const names = (specs: ReadonlyArray<{ readonly name: string }>) =>
      specs.map(({ name }) => name).join(", ")
    if (names(ours) !== names(theirs))
      return refuse(`the file is ambiguous: ${role}s read as ${names(ours)} and ${names(theirs)}`)
    ours.forEach(({ name, datatype }, index) => {
      const type = theirs[index]?.type
      if (type === undefined || datatypeOfRuntime(type) !== datatype)
        return refuse(`the file is ambiguous: ${role} ${name} reads as ${datatype} and ${type}`)
    })
  }
}

/** Should memory run out, the system is to end this process before any other. */
const volunteer = () => writeFile("/proc/self/oom_score_adj", "1000").catch(() => undefined)

const load = async (task: FirstLoadTask): Promise<FirstLoadAnswer> => {
  await volunteer()
  const bytes = await readFile(task.model)
  const graph = readGraph(bytes)
  const derived = deriveSignature(graph, task.declared)
  const session = await openSession(bytes, nowMicros)
  checkAgreement(graph, session)
  const mixing = findRowMixing(bytes, graph)
  const { batching, note, sample } = await proveBatching(derived, session.run, mixing)
  // Now that the outputs' dimensions are known, the task can be told from them.
  const shown = { ...withSample(graph, sample), unranked: new Set<string>() }
  const signature: Signature = { ...deriveSignature(shown, task.declared), batching }
  const runs: Array<{ readonly elements: number; readonly micros: number }> = []
  await warmUp(signature, session.run, Number.POSITIVE_INFINITY, (elements, micros) =>
    runs.push({ elements, micros }),
  )
  const opsets = Object.fromEntries(graph.opsets)
  return { loaded: { signature, note, runs, irVersion: graph.irVersion, opsets } }
}

process.on("message", async (message) => {
  try {
    process.send?.(await load(Schema.decodeUnknownSync(FirstLoadTask)(message)))
  } catch (cause) {
    // Anything else is a fault of ours: the process ends with its words.
    if (!(cause instanceof ModelRefused)) throw cause
    process.send?.({ refused: cause.reason } satisfies FirstLoadAnswer)
  }
  process.disconnect?.()
})
