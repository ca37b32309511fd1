// One model in ONNX Runtime, on the thread that opened it: a run blocks this thread. It checks no
// request; what the runtime refuses comes back as an error with the runtime's words.
import { InferenceSession } from "onnxruntime-node"
import { Schema } from "effect"
import type { Tensor } from "#proto/tensor"
import { refuse } from "./model-refused.ts"
import { RunMemory } from "./run-memory.ts"
import { fromRuntime, toRuntime } from "./tensor-data.ts"

/** The run failed on this input: the same input fails again. */
export class ModelRunFailed extends Schema.TaggedError<ModelRunFailed>()("ModelRunFailed", {
  reason: Schema.String,
}) {
  override get message() {
    return this.reason
  }
}

/** Longest text of the runtime that is passed on. */
const REASON_MAX_CHARACTERS = 2_000
/** ONNX Runtime's "fatal": what goes wrong is thrown, and would only be printed a second time. */
const LOG_SEVERITY_FATAL = 4

const OPTIONS: InferenceSession.SessionOptions = {
  // Work is spread over processes and workers, not inside a run: the runtime counts the host's
  // cores, not ours.
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: "sequential",
  executionProviders: ["cpu"],
  logSeverityLevel: LOG_SEVERITY_FATAL,
}

export interface Ran {
  /** In the order in which they were asked for; in the model's order when none were named. */
  readonly outputs: ReadonlyArray<Tensor>
  /** How long this thread was blocked, in microseconds. */
  readonly micros: number
}

/**
 * An input or output as the runtime sees it: its type in the runtime's words, −1 or a name for what
 * varies.
 */
export interface RuntimeSpec {
  readonly name: string
  readonly type: string | undefined
  readonly shape: ReadonlyArray<number | string>
}

export interface ModelSession {
  readonly inputs: ReadonlyArray<RuntimeSpec>
  readonly outputs: ReadonlyArray<RuntimeSpec>
  /**
   * Runs the model. The bytes of `inputs` must not change meanwhile. Rejects with ModelRunFailed.
   * `outputs` names those to compute; all when absent or empty.
   */
  readonly run: (inputs: ReadonlyArray<Tensor>, outputs?: ReadonlyArray<string>) => Promise<Ran>
  /** Frees the model; runs that were begun must have ended. */
  readonly release: () => Promise<void>
}

/** For the inputs of this thread's runs. */
const memory = new RunMemory()

const words = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).slice(0, REASON_MAX_CHARACTERS)

const specOf = (value: InferenceSession.ValueMetadata): RuntimeSpec =>
  value.isTensor
    ? { name: value.name, type: value.type, shape: value.shape }
    : { name: value.name, type: undefined, shape: [] }

/**
 * Loads a model; blocks this thread while it does. `nowMicros` is a steady clock.
 * Rejects with ModelRefused when the runtime cannot load it.
 */
export const openSession = async (
  bytes: Uint8Array,
  nowMicros: () => number,
): Promise<ModelSession> => {
  const session = await InferenceSession.create(bytes, OPTIONS).catch((cause: unknown) =>
    refuse(`ONNX Runtime cannot load the model: ${words(cause)}`),
  )
  const names = session.outputNames
  return {
    inputs: session.inputMetadata.map(specOf),
    outputs: session.outputMetadata.map(specOf),
    run: (inputs, outputs) => {
      const wanted = outputs === undefined || outputs.length === 0 ? names : outputs
      return runOnce(session, inputs, wanted, nowMicros)
    },
    release: () => session.release(),
  }
}

/** Rejects with ModelRunFailed. */
const runOnce = async (
  session: InferenceSession,
  inputs: ReadonlyArray<Tensor>,
  wanted: ReadonlyArray<string>,
  nowMicros: () => number,
): Promise<Ran> => {
  const began = nowMicros()
  const copies: Array<Uint8Array> = []
  const copy = (bytes: Uint8Array): Uint8Array => {
    const taken = memory.take(bytes.byteLength)
    taken.set(bytes)
    copies.push(taken)
    return taken
  }
  try {
    const feeds: Record<string, ReturnType<typeof toRuntime>> = Object.create(null)
    for (const input of inputs) feeds[input.name] = toRuntime(input, copy)
    const prepared = nowMicros() - began
    // The runtime works in an immediate of its own, later than now: the one before it takes the
    // time.
    let resumed = nowMicros()
    setImmediate(() => {
      resumed = nowMicros()
    })
    const results = await session.run(feeds, [...wanted])
    const outputs = wanted.map((name) => {
      const value = results[name]
      if (value === undefined) throw new Error(`the model gave no output ${name}`)
      return fromRuntime(name, value)
    })
    return { outputs, micros: prepared + nowMicros() - resumed }
  } catch (cause) {
    throw new ModelRunFailed({ reason: words(cause) })
  } finally {
    for (const one of copies) memory.giveBack(one)
  }
}
