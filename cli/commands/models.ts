// `weir models`: which models there are, and the decisions about them that an operator takes by
// hand. Each decision is an event; nothing is changed in place.
import { importDirectory } from "#core/registry/import"
import { execute, readRelease } from "#core/registry/commands"
import { removeUnreadable, unreadableMessages } from "#core/registry/mend"
import type { ReleaseCommand } from "#core/registry/release"
import { openReleases } from "#core/registry/releases"
import type { Log } from "#core/log/log"
import { isModelName } from "#proto/names"
import {
  CommandFailed,
  describeFlags,
  EXIT_DONE,
  EXIT_FAILED,
  readWords,
  UsageError,
  type Command,
} from "../command.ts"
import { jsonFlag, logFlags, withFoundLog } from "../find-log.ts"
import { allModels, modelDocument, modelsText, modelText } from "../models/listing.ts"
import { mendDocument, mendText } from "../models/mending.ts"
import { eventDocument, releaseHistory, releaseWords } from "../models/release-history.ts"
import { describeImport, importDependencies } from "../up/models.ts"

const OPERATOR_EVIDENCE = "operator"

const flags = {
  ...logFlags,
  json: jsonFlag,
  yes: { help: "mend: removes what is listed" },
  evidence: {
    value: "TEXT",
    help: `why a version is promoted, kept with the event (default "${OPERATOR_EVIDENCE}")`,
  },
} as const

interface Asked {
  readonly log: Log
  readonly json: boolean
  readonly words: ReadonlyArray<string>
  readonly evidence: string
  readonly yes: boolean
}

type Action = (asked: Asked) => Promise<number>

const print = (asked: Asked, document: unknown, text: () => string): void =>
  console.log(asked.json ? JSON.stringify(document, undefined, 2) : text())

const modelOf = (word: string | undefined): string => {
  if (word === undefined) throw new UsageError("which model? Give its name")
  if (!isModelName(word)) throw new UsageError(`"${word}" is no model name ([A-Za-z0-9_.-]{1,64})`)
  return word
}

const list: Action = async (asked) => {
  const releases = await openReleases(asked.log)
  const broken = new Map(releases.broken())
  const models = allModels(releases.models(), broken)
  await releases.close()
  const documents = models.map((release) => modelDocument(release, broken.get(release.model)))
  print(asked, { models: documents }, () => modelsText(models, broken))
  return EXIT_DONE
}

const show: Action = async (asked) => {
  const model = modelOf(asked.words[0])
  const { release } = await readRelease(asked.log, model)
  if (release.versions.size === 0) throw new CommandFailed(`there is no model "${model}"`)
  const events = await releaseHistory(asked.log, model)
  const document = {
    ...modelDocument(release),
    events: events.map(eventDocument),
    signature: release.versions.get(release.champion ?? "")?.signature,
  }
  print(asked, document, () => modelText(release, events))
  return EXIT_DONE
}

const importModels: Action = async (asked) => {
  const [folder] = asked.words
  if (folder === undefined) throw new UsageError("which folder? Give the one with the models")
  const report = await importDirectory(importDependencies(asked.log), folder)
  const lines = describeImport(report)
  print(asked, report, () => (lines.length === 0 ? "nothing new" : lines.join("\n")))
  const isRefused = report.versions.some(({ outcome }) => outcome === "refused")
  return isRefused ? EXIT_FAILED : EXIT_DONE
}

const mend: Action = async (asked) => {
  const model = modelOf(asked.words[0])
  const found = await unreadableMessages(asked.log, model)
  const removed = asked.yes ? await removeUnreadable(asked.log, found) : undefined
  const document = mendDocument(model, found, removed ?? [])
  print(asked, document, () => mendText(model, found, removed))
  return EXIT_DONE
}

const decide = async (asked: Asked, command: ReleaseCommand): Promise<number> => {
  const facts = await execute(asked.log, modelOf(asked.words[0]), command)
  print(asked, { facts }, () =>
    facts.length === 0 ? "it is so already" : facts.map(releaseWords).join("\n"),
  )
  return EXIT_DONE
}

const versionOf = ({ words: [, version] }: Asked): string => {
  if (version === undefined) throw new UsageError("which version? Give its name after the model's")
  return version
}

const actions: Readonly<Record<string, { readonly words: number; readonly run: Action }>> = {
  list: { words: 0, run: list },
  show: { words: 1, run: show },
  import: { words: 1, run: importModels },
  promote: {
    words: 2,
    run: (asked) =>
      decide(asked, {
        type: "Promote",
        version: versionOf(asked),
        evidence: asked.evidence,
        at: Date.now(),
      }),
  },
  unload: {
    words: 2,
    run: (asked) => decide(asked, { type: "Unload", version: asked.words[1], at: Date.now() }),
  },
  mend: { words: 1, run: mend },
  load: {
    words: 2,
    run: (asked) => decide(asked, { type: "Load", version: versionOf(asked), at: Date.now() }),
  },
}

export const models: Command = {
  name: "models",
  summary: "Models and versions: list, show, import, promote, load, unload, mend",
  usage: `Usage: ./weir models list                     every model and its champion
       ./weir models show MODEL               versions, features, and every decision
       ./weir models import DIR               <model>/<version>/model.onnx below DIR
       ./weir models promote MODEL VERSION    makes the version the champion
       ./weir models unload MODEL [VERSION]   stops serving one version, or all
       ./weir models load MODEL VERSION       serves it again
       ./weir models mend MODEL [--yes]       lists what cannot be read among its decisions and
                                              keeps it from being served; --yes removes that

Exit code 1 when a decision or an import is refused.

${describeFlags(flags)}`,
  run: async (args) => {
    const [name = "", ...rest] = args
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined
    if (action === undefined)
      throw new UsageError(`expected one of ${Object.keys(actions).join(", ")}, got "${name}"`)
    const { flags: set, switches, positionals: words } = readWords(rest, flags, action.words)
    const evidence = set.evidence ?? OPERATOR_EVIDENCE
    return withFoundLog("models", set, (log) =>
      action.run({ log, json: switches.has("json"), words, evidence, yes: switches.has("yes") }),
    )
  },
}
