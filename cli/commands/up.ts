// `weir up`: the whole system on this machine, until Ctrl-C. The work is in cli/up/; here is when
// it starts, what it prints, and how it ends.
import { shownServers } from "#core/log/servers"
import { readSettings } from "#core/service/settings"
import { needsKeys } from "../../gateway/access/auth.ts"
import { gatewaySettings } from "../../gateway/settings.ts"
import { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, type Command } from "../command.ts"
import { upConsole } from "../up/console.ts"
import { demoRequest, modelSources } from "../up/models.ts"
import { readUpOptions, UP_USAGE, type UpOptions } from "../up/options.ts"
import { checkSettings, checkSources, prepareLog } from "../up/preparation.ts"
import type { GivenUp } from "../up/supervisor.ts"
import { startSystem, type System } from "../up/system.ts"
import { watchModels } from "../up/watch-models.ts"

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

const describeSystem = (options: UpOptions, system: System): string => {
  const monitoring = system.monitorUrl === undefined ? "" : `   monitoring ${system.monitorUrl}`
  return [
    `  HTTP     ${system.gatewayUrl}`,
    ...(system.grpcAddress === undefined ? [] : [`  gRPC     ${system.grpcAddress}`]),
    `  health   ${system.gatewayUrl}/health   metrics ${system.gatewayUrl}/metrics`,
    `  NATS     ${shownServers(system.natsUrl)}${monitoring}`,
    `  data     ${options.dataFolder}`,
  ].join("\n")
}

const describeEnd = ({ name, isHopeless }: GivenUp) => ({
  code: isHopeless ? EXIT_USAGE : EXIT_FAILED,
  text: `${name} does not run: stopping`,
})

const secondsSince = (began: number): string => ((performance.now() - began) / 1000).toFixed(1)

export const up: Command = {
  name: "up",
  summary: "Everything on this machine: log, gateway, predictors, models",
  usage: UP_USAGE,
  run: async (args) => {
    const began = performance.now()
    const options = readUpOptions(args, process.env)
    const limits = checkSettings(process.env)
    const { auth } = readSettings({ auth: gatewaySettings.auth }, process.env)
    const asksForKeys = needsKeys({ auth, host: options.host })
    const output = upConsole((line) => console.log(line), process.stdout.isTTY)
    const sources = modelSources(options.modelsFolder, process.env)
    checkSources(sources)
    const stop = stopRequested()
    let saidOfModels: ReadonlyArray<string> = []
    const prepare = async (natsUrl: string) => {
      saidOfModels = await prepareLog(natsUrl, limits, sources, output.say)
    }
    let isDescribed = false
    const describe = () => {
      if (!isDescribed) console.log(describeSystem(options, system))
      isDescribed = true
    }
    const system = await startSystem(options, prepare, {
      onEvent: output.event,
      onLine: output.line,
      onWaiting: (said) => {
        output.say(`not ready after ${secondsSince(began)} s, waiting: ${said}`)
        describe()
      },
      onLost: (name) => output.say(`ERROR ${name} is given up; the rest serves without it`),
    })
    const watching =
      options.modelsFolder === undefined
        ? undefined
        : await watchModels(system.natsUrl, options.modelsFolder, saidOfModels, output.say)
    void system.ready.then((ready) => {
      if (!ready) return
      output.say(`ready after ${secondsSince(began)} s`)
      describe()
      const hasDemo = sources.some((source) => source.type === "folder" && source.isDemo)
      if (asksForKeys)
        console.log("\nCallers need a key: ./weir keys create NAME (WEIR_AUTH=off asks for none)")
      if (hasDemo) console.log(`\nTry it:\n  ${demoRequest(system.gatewayUrl)}\n`)
    })
    const reason = await Promise.race([
      stop.then((signal) => ({ code: EXIT_DONE, text: `${signal}: stopping` })),
      system.gaveUp.then(describeEnd),
    ])
    output.say(reason.text)
    await watching?.close()
    await system.stop()
    return reason.code
  },
}
