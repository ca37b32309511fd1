// The list of commands, each loaded only when it is asked for, so that `weir help` does not load
// ONNX Runtime.
import { UsageError, type Command } from "./command.ts"

const loaders: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import("./commands/up.ts")).up,
  doctor: async () => (await import("./commands/doctor.ts")).doctor,
  demo: async () => (await import("./commands/demo.ts")).demo,
  show: async () => (await import("./commands/show.ts")).show,
  bench: async () => (await import("./commands/bench.ts")).bench,
  conformance: async () => (await import("./commands/conformance.ts")).conformance,
  test: async () => (await import("./commands/test.ts")).test,
  predict: async () => (await import("./commands/predict.ts")).predict,
  tail: async () => (await import("./commands/tail.ts")).tail,
  audit: async () => (await import("./commands/audit.ts")).audit,
  dead: async () => (await import("./commands/dead.ts")).dead,
  models: async () => (await import("./commands/models.ts")).models,
  drift: async () => (await import("./commands/drift.ts")).drift,
  mark: async () => (await import("./commands/mark.ts")).mark,
  outcomes: async () => (await import("./commands/outcomes.ts")).outcomes,
  performance: async () => (await import("./commands/performance.ts")).performance,
  keys: async () => (await import("./commands/keys.ts")).keys,
  webhooks: async () => (await import("./commands/webhooks.ts")).webhooks,
  quality: async () => (await import("./commands/quality.ts")).quality,
  streams: async () => (await import("./commands/streams.ts")).streams,
  erase: async () => (await import("./commands/erase.ts")).erase,
  provision: async () => (await import("./commands/provision.ts")).provision,
  gateway: async () => (await import("./commands/service.ts")).gateway,
  predictor: async () => (await import("./commands/service.ts")).predictor,
  "drift-monitor": async () => (await import("./commands/service.ts")).driftMonitor,
  completion: async () => (await import("./commands/completion.ts")).completion,
}

export const commandNames: ReadonlyArray<string> = [...Object.keys(loaders), "help"]

/** @throws UsageError when there is no such command. */
export const loadCommand = async (name: string): Promise<Command> => {
  const load = Object.hasOwn(loaders, name) ? loaders[name] : undefined
  if (load === undefined) {
    throw new UsageError(`there is no command "${name}"; ./weir help lists them`)
  }
  return load()
}

/** Every command's name and summary, in the order in which a newcomer needs them. */
export const summaries = async (): Promise<
  ReadonlyArray<{ readonly name: string; readonly summary: string }>
> => {
  const commands = await Promise.all(Object.values(loaders).map((load) => load()))
  return [...commands, { name: "help", summary: "This list, or the help of one command" }]
}
