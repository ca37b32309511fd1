// `weir conformance`: the suite of test/conformance/ against any server of the Open Inference
// Protocol, with a table of what it does. The suite itself knows nothing of this project.
import { NothingToCheck, OUTCOMES, runSuite, type Report } from "../../test/conformance/suite.ts"
import {
  CommandFailed,
  describeFlags,
  EXIT_DONE,
  EXIT_FAILED,
  readWords,
  UsageError,
  type Command,
} from "../command.ts"
import { table } from "../table.ts"

const flags = {
  model: { value: "NAME,…", help: "asks these models (default: those of the repository's index)" },
  key: { value: "KEY", help: "sends this key as `Authorization: Bearer`" },
  unload: { help: "also unloads and loads a model; not for a server that others use" },
  all: { help: "tells of every check, also of those that passed or are unsupported" },
  json: { help: "prints every check with its outcome as JSON" },
} as const

const summary = ({ results }: Report): string => {
  const areas = [...new Set(results.map(({ area }) => area))]
  const count = (area: string | undefined, outcome: string) =>
    results.filter((one) => (area === undefined || one.area === area) && one.outcome === outcome)
      .length
  const row = (name: string, area: string | undefined) => [
    name,
    ...OUTCOMES.map((outcome) => `${count(area, outcome)}`),
  ]
  const columns = OUTCOMES.map((name) => ({ name, align: "right" as const }))
  const rows = [...areas.map((area) => row(area, area)), row("all", undefined)]
  return table([{ name: "area" }, ...columns], rows)
}

/** Each with its reason. */
const details = ({ results }: Report, all: boolean): string => {
  const rows = results
    .filter(({ outcome }) => all || outcome === "failed" || outcome === "left out")
    .map(({ area, check, outcome, reason = "" }) => [outcome, area, check, reason])
  const columns = ["outcome", "area", "check", "reason"].map((name) => ({ name }))
  return rows.length === 0 ? "" : `${table(columns, rows)}\n\n`
}

const text = (report: Report, all: boolean): string => {
  const { model, models, extensions } = report
  const others = models.length - 1
  const more =
    others === 0 ? "" : `, and of ${others} other models where their datatypes are needed`
  return `asked of ${model}${more}; extensions: ${extensions.join(", ") || "none"}

${details(report, all)}${summary(report)}`
}

const isAddress = (word: string) => URL.canParse(word) && /^https?:/u.test(word)

export const conformance: Command = {
  name: "conformance",
  summary: "Checks any server of the Open Inference Protocol, and tells what fails",
  usage: `Usage: ./weir conformance URL [--model NAME,…] [--unload] [--all] [--json]

Asks a server, ours or another, over HTTP alone, in every area of the protocol and of its
extensions. What the server does not advertise, or has no model for, is unsupported and does not
count as a failure. Exit code 1 where a check fails.

${describeFlags(flags)}`,
  run: async (args) => {
    const { flags: set, switches, positionals } = readWords(args, flags, 1)
    const [url] = positionals
    if (url === undefined || !isAddress(url))
      throw new UsageError(`expected the address of a server, as http://localhost:8080`)
    const models = (set.model ?? "").split(",").filter((name) => name !== "")
    try {
      const report = await runSuite({
        url,
        models,
        mayUnload: switches.has("unload"),
        key: set.key,
      })
      const isJson = switches.has("json")
      console.log(isJson ? JSON.stringify(report, undefined, 2) : text(report, switches.has("all")))
      return report.results.some(({ outcome }) => outcome === "failed") ? EXIT_FAILED : EXIT_DONE
    } catch (cause) {
      throw cause instanceof NothingToCheck ? new CommandFailed(cause.message) : cause
    }
  },
}
