// `weir up`: the whole system on this machine, until Ctrl-C. The work is in cli/up/; here is when
// it starts, what it prints, and how it ends.
import { readSettings } from "#core/service/settings"
import { needsKeys } from "../../gateway/auth.ts"
import { gatewaySettings } from "../../gateway/settings.ts"
import { EXIT_DONE, EXIT_FAILED, type Command } from "../command.ts"
import { upConsole } from "../up/console.ts"
import { provisionLog, readLimits, withLog } from "../log.ts"
import {
  demoRequest,
  describeImport,
  importDependencies,
  importSource,
  modelSources,
  type ModelSource,
} from "../up/models.ts"
import { watchModels } from "../up/watch-models.ts"
import { readUpOptions, UP_USAGE, type UpOptions } from "../up/options.ts"
import { startSystem, type System } from "../up/system.ts"

const EXIT_INTERRUPTED = 130

/**
 * Resolves at the first request to stop; a second one ends this process, and the guards end the
 * children.
 */
const stopRequested = (): Promise<string> => {
  const { promise, resolve } = Promise.withResolvers<string>()
  let asked = false
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (asked && signal === "SIGINT") process.exit(EXIT_INTERRUPTED)
      asked = true
      resolve(signal)
    })
  }
  return promise
}

/**
 * Makes the log what it should be and imports the models; a bad setting is named before all that.
 */
const preparation = (sources: ReadonlyArray<ModelSource>, say: (text: string) => void) => {
  const limits = readLimits(process.env)
  return (natsUrl: string) =>
    withLog("weir-up", natsUrl, async (log) => {
      await provisionLog(log, limits)
      const dependencies = importDependencies(log)
      for (const source of sources) {
        for (const line of describeImport(await importSource(dependencies, source))) say(line)
      }
    })
}

const describeSystem = (options: UpOptions, system: System): string => {
  const monitoring = system.monitorUrl === undefined ? "" : `   monitoring ${system.monitorUrl}`
  return [
    `  HTTP     ${system.gatewayUrl}`,
    `  health   ${system.gatewayUrl}/health   metrics ${system.gatewayUrl}/metrics`,
    `  NATS     ${system.natsUrl}${monitoring}`,
    `  data     ${options.dataFolder}`,
  ].join("\n")
}

export const up: Command = {
  name: "up",
  summary: "Everything on this machine: log, gateway, predictors, models",
  usage: UP_USAGE,
  run: async (args) => {
    const began = performance.now()
    const options = readUpOptions(args, process.env)
    const { auth } = readSettings({ auth: gatewaySettings.auth }, process.env)
    const asksForKeys = needsKeys({ auth, host: options.host })
    const output = upConsole((line) => console.log(line), process.stdout.isTTY)
    const sources = modelSources(options.modelsFolder, process.env)
    const prepare = preparation(sources, output.say)
    const stop = stopRequested()
    const system = await startSystem(options, prepare, {
      onEvent: output.event,
      onLine: output.line,
    })
    const watching =
      options.modelsFolder === undefined
        ? undefined
        : await watchModels(system.natsUrl, options.modelsFolder, output.say)
    void system.ready.then(({ ready, said }) => {
      const seconds = ((performance.now() - began) / 1000).toFixed(1)
      output.say(ready ? `ready after ${seconds} s` : `not ready after ${seconds} s: ${said}`)
      console.log(describeSystem(options, system))
      const hasDemo = sources.some((source) => source.type === "folder" && source.isDemo)
      if (asksForKeys)
        console.log("\nCallers need a key: ./weir keys create NAME (WEIR_AUTH=off asks for none)")
      if (ready && hasDemo) console.log(`\nTry it:\n  ${demoRequest(system.gatewayUrl)}\n`)
    })
    const reason = await Promise.race([
      stop.then((signal) => ({ code: EXIT_DONE, text: `${signal}: stopping` })),
      system.gaveUp.then((part) => ({ code: EXIT_FAILED, text: `${part} does not run: stopping` })),
    ])
    output.say(reason.text)
    await watching?.close()
    await system.stop()
    return reason.code
  },
}
