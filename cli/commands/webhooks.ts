// `weir webhooks`: who gets alerts, whether they arrived, and what an operator does about it. Each
// change is an event; the drift-monitor follows them while it runs.
import { randomBytes } from "node:crypto"
import { readAttempts } from "#core/alerts/attempts"
import { next } from "#core/alerts/schedule"
import { makeSend, resolveTarget } from "#core/alerts/send"
import { alertSettings, configuredBy, operatorTargets } from "#core/alerts/settings"
import { makeSecret, SecretInvalid, secretKey } from "#core/alerts/signature"
import { ROTATION_MILLIS, type SubscriptionCommand } from "#core/alerts/subscription"
import { changeSubscription, readSubscriptions } from "#core/alerts/subscriptions"
import { checkApiUrl, shownUrl, type Target } from "#core/alerts/target"
import { sendTrial } from "#core/alerts/trial"
import type { Log } from "#core/log/log"
import { openReleases } from "#core/registry/releases"
import { readSettings } from "#core/service/settings"
import { WEBHOOK_KINDS, type WebhookAttempted } from "#proto/webhook"
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
import { targetDocument, targetsText } from "../webhooks/listing.ts"

const HOUR_MILLIS = 3_600_000
const TRIAL_ID_BYTES = 8

const flags = {
  ...logFlags,
  json: jsonFlag,
  kind: { value: "KIND", help: `what the receiver takes: ${WEBHOOK_KINDS.join(", ")}` },
  models: { value: "A,B", help: "only alerts of these models (default: of all)" },
  secret: { value: "whsec_…", help: "the signing secret (default: a new one, printed once)" },
  alert: { value: "ID", help: "retry this alert alone, also if it was delivered" },
} as const

type FlagName = keyof typeof flags

interface Asked {
  readonly log: Log
  readonly json: boolean
  readonly words: ReadonlyArray<string>
  readonly set: { readonly [Name in FlagName]?: string }
}

type Action = (asked: Asked) => Promise<number>

const print = (asked: Asked, document: unknown, text: () => string): void =>
  console.log(asked.json ? JSON.stringify(document, undefined, 2) : text())

const nameOf = ({ words: [name] }: Asked): string => {
  if (name === undefined) throw new UsageError("which target? Give its name")
  return name
}

/** The name of a target that is added at run time. @throws UsageError for a configured one. */
const nameToAdd = (asked: Asked): string => {
  const name = nameOf(asked)
  const variable = configuredBy(name)
  if (variable !== undefined)
    throw new UsageError(
      `NAME: expected a name that no setting configures, got "${name}", ` +
        `which is the target of ${variable}`,
    )
  return name
}

const change = (asked: Asked, command: SubscriptionCommand) =>
  changeSubscription(asked.log, nameOf(asked), command)

/** The operator's own, as this environment has them, and those that were added. */
const allTargets = async (log: Log): Promise<ReadonlyArray<Target>> => {
  const own = operatorTargets(readSettings(alertSettings, process.env))
  const names = new Set(own.map(({ name }) => name))
  const added = (await readSubscriptions(log)).targets(Date.now())
  return [...own, ...added.filter(({ name }) => !names.has(name))]
}

const findTarget = async (asked: Asked): Promise<Target> => {
  const name = nameOf(asked)
  const target = (await allTargets(asked.log)).find((one) => one.name === name)
  if (target !== undefined) return target
  const variable = configuredBy(name)
  const hint =
    variable === undefined ? "" : ` here: ${variable} configures it, and is not set in this shell`
  throw new CommandFailed(`there is no target "${name}"${hint}`)
}

/** The secret that was given, or a new one. @throws UsageError */
const secretOf = ({ set: { secret } }: Asked): string => {
  if (secret === undefined) return makeSecret(randomBytes)
  if (secret === "")
    throw new UsageError("--secret must not be empty; leave it out for a new one, printed once")
  try {
    secretKey(secret)
  } catch (cause) {
    throw cause instanceof SecretInvalid ? new UsageError(`--secret: ${cause.message}`) : cause
  }
  return secret
}

/** Those that are not registered, each once. Broken ones are: they exist, and can be mended. */
const unregistered = async (log: Log, models: ReadonlyArray<string>) => {
  const releases = await openReleases(log)
  const known = new Set([...releases.models().keys(), ...new Map(releases.broken()).keys()])
  await releases.close()
  return [...new Set(models)].filter((model) => !known.has(model))
}

/** What is wrong with a target only as things are now, so that it is added all the same. */
const warn = (warning: string): void => console.error(`weir webhooks: WARNING ${warning}`)

const add: Action = async (asked) => {
  const [, url] = asked.words
  const name = nameToAdd(asked)
  if (url === undefined) throw new UsageError("which URL? Give it after the name")
  const kind = WEBHOOK_KINDS.find((one) => one === (asked.set.kind ?? "standard"))
  if (kind === undefined)
    throw new UsageError(`--kind is one of ${WEBHOOK_KINDS.join(", ")}, got "${asked.set.kind}"`)
  const secret = secretOf(asked)
  const models = asked.set.models?.split(",")
  checkApiUrl(name, url)
  const target = { name, kind, url, secrets: [secret], trusted: false, since: 0 }
  const trouble = await resolveTarget(target)
  await change(asked, { type: "Add", kind, url, secret, models, at: Date.now() })
  // The monitor may see other names than this machine, and asks again at each delivery.
  if (trouble !== undefined)
    warn(
      `the host of ${name} cannot be found from here (${trouble}): ` +
        "no alert arrives until it can; it is added all the same",
    )
  for (const model of models === undefined ? [] : await unregistered(asked.log, models))
    warn(`no model "${model}" is registered: ${name} gets no alert of it until one is`)
  const shown = asked.set.secret === undefined ? { secret } : {}
  print(asked, { name, kind, url: shownUrl(url), ...shown }, () =>
    [
      `${name} gets alerts from now on; try it with ./weir webhooks test ${name}`,
      ...(asked.set.secret === undefined ? [`signing secret, shown once: ${secret}`] : []),
    ].join("\n"),
  )
  return EXIT_DONE
}

const rotate: Action = async (asked) => {
  const name = nameToAdd(asked)
  const secret = secretOf(asked)
  await change(asked, { type: "Rotate", secret, at: Date.now() })
  const shown = asked.set.secret === undefined ? { secret } : {}
  const hours = ROTATION_MILLIS / HOUR_MILLIS
  print(asked, { name, bothHours: hours, ...shown }, () =>
    [
      `alerts are signed with both secrets for ${hours} hours, then with the new one alone`,
      ...(asked.set.secret === undefined ? [`new secret, shown once: ${secret}`] : []),
    ].join("\n"),
  )
  return EXIT_DONE
}

const list: Action = async (asked) => {
  const targets = await allTargets(asked.log)
  const attempts: Array<WebhookAttempted> = []
  for await (const fact of readAttempts(asked.log)) attempts.push(fact)
  print(asked, { targets: targets.map((target) => targetDocument(target, attempts)) }, () =>
    targetsText(targets, attempts),
  )
  return EXIT_DONE
}

const remove: Action = async (asked) => {
  await change(asked, { type: "Remove", at: Date.now() })
  print(asked, { removed: nameOf(asked) }, () => `${nameOf(asked)} gets no more alerts`)
  return EXIT_DONE
}

const retry: Action = async (asked) => {
  const { alert } = asked.set
  const { name } = await findTarget(asked)
  await change(asked, { type: "Retry", alert, at: Date.now() })
  const what = alert === undefined ? "everything that failed" : `alert ${alert}`
  print(asked, { name, alert }, () => `the drift-monitor sends ${what} again`)
  return EXIT_DONE
}

const test: Action = async (asked) => {
  const target = await findTarget(asked)
  const id = `test-${randomBytes(TRIAL_ID_BYTES).toString("hex")}`
  const replies = await sendTrial(target, makeSend(), id, Date.now)
  const lines = replies.map((reply, place) => {
    const what = place === 0 ? "drift.detected" : "drift.cleared"
    return `${what}: ${reply.kind === "answered" ? reply.status : reply.reason}`
  })
  print(asked, { name: target.name, id, replies }, () => lines.join("\n"))
  const arrived = replies.every(
    (reply) => next({ step: 1, reply, at: 0 }, 0).outcome === "delivered",
  )
  return arrived ? EXIT_DONE : EXIT_FAILED
}

const actions: Readonly<Record<string, { readonly words: number; readonly run: Action }>> = {
  list: { words: 0, run: list },
  add: { words: 2, run: add },
  test: { words: 1, run: test },
  retry: { words: 1, run: retry },
  rotate: { words: 1, run: rotate },
  remove: { words: 1, run: remove },
}

export const webhooks: Command = {
  name: "webhooks",
  summary: "Who gets alerts: list, add, test, retry, rotate, remove",
  usage: `Usage: ./weir webhooks list                    every target, and what became of its alerts
       ./weir webhooks add NAME URL [--kind KIND] [--models A,B] [--secret whsec_…]
       ./weir webhooks test NAME               sends a made-up alert and its end, once
       ./weir webhooks retry NAME [--alert ID] sends again what failed
       ./weir webhooks rotate NAME             a new secret; the old one signs for a day more
       ./weir webhooks remove NAME

A target that is added must be https at a public address; its host is looked up at once, and
again at each delivery. DRIFT_WEBHOOK, DRIFT_WEBHOOK_KIND and DRIFT_WEBHOOK_SECRET configure one
that may be private: "drift-webhook". That name is reserved: add and rotate refuse it, and test
and retry know it where DRIFT_WEBHOOK is set.

Exit code 1 when a change is refused, a target is unknown or a test did not arrive.

${describeFlags(flags)}`,
  run: async (args) => {
    const [name = "", ...rest] = args
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined
    if (action === undefined)
      throw new UsageError(`expected one of ${Object.keys(actions).join(", ")}, got "${name}"`)
    const { flags: set, switches, positionals: words } = readWords(rest, flags, action.words)
    return withFoundLog("webhooks", set, (log) =>
      action.run({ log, json: switches.has("json"), words, set }),
    )
  },
}
