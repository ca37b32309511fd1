// `weir keys`: who may call the gateways, and for what. A key is printed when it is made and never
// again; the log holds only what recognises it.
import { keyIdOf, RATE_MAX_PER_SECOND, type Key } from "#core/access/access"
import { changeAccess } from "#core/access/key-facts"
import { openKeys, type Keys } from "#core/access/keys"
import { findPepper, newKey, openPepper, type Pepper } from "#core/access/secrets"
import type { Log } from "#core/log/log"
import { isCallerName, SCOPES, type Scope } from "#proto/access"
import {
  CommandFailed,
  describeFlags,
  EXIT_DONE,
  readWords,
  UsageError,
  type Command,
} from "../command.ts"
import { dataFolder, jsonFlag, logFlags, withFoundLog } from "../find-log.ts"
import { table } from "../table.ts"

const flags = {
  ...logFlags,
  json: jsonFlag,
  scopes: { value: "LIST", help: `what the key may do, of ${SCOPES.join(",")} (default predict)` },
  rate: { value: "N", help: "requests a second at each gateway (default: no limit)" },
  beside: { help: "keep the caller's other keys valid, to exchange them without a gap" },
  "new-pepper": { help: "create under a pepper that none of the valid keys has" },
} as const

interface Asked {
  readonly log: Log
  /** Folder of the pepper; undefined for the default one. */
  readonly data: string | undefined
  readonly json: boolean
  readonly words: ReadonlyArray<string>
  readonly scopes: string
  readonly rate: string | undefined
  readonly beside: boolean
  readonly newPepper: boolean
}

type Action = (asked: Asked) => Promise<void>

const print = (asked: Asked, document: unknown, text: () => string): void =>
  console.log(asked.json ? JSON.stringify(document, undefined, 2) : text())

const nameOf = ({ words: [name] }: Asked): string => {
  if (name === undefined) throw new UsageError("whose key? Give the caller's name")
  if (!isCallerName(name)) throw new UsageError(`"${name}" is no name ([A-Za-z0-9_-]{1,64})`)
  return name
}

const scopesOf = (list: string): ReadonlyArray<Scope> =>
  list.split(",").map((word) => {
    const scope = SCOPES.find((one) => one === word.trim())
    if (scope === undefined)
      throw new UsageError(`--scopes: expected some of ${SCOPES.join(",")}, got "${word.trim()}"`)
    return scope
  })

const rateOf = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  // "50/s" is how people write it.
  const rate = /^\d+(\.\d+)?(\/s)?$/.test(text) ? Number.parseFloat(text) : Number.NaN
  if (rate > 0 && rate <= RATE_MAX_PER_SECOND) return rate
  throw new UsageError(
    `--rate: expected requests a second, up to ${RATE_MAX_PER_SECOND}, got "${text}"`,
  )
}

const configuredPepper = (): string | undefined => process.env["WEIR_KEY_PEPPER"] || undefined

const pepperHere = ({ data }: Pick<Asked, "data">): Pepper =>
  openPepper(configuredPepper(), dataFolder(data), (path) =>
    console.error(`made a new pepper: ${path}; gateways must share it`),
  )

const keysOf = (keys: Keys): ReadonlyArray<Key> => keys.callers().flatMap((caller) => caller.keys)

/** A key under a pepper that no gateway has would be printed and then accepted nowhere. */
const refuseForeignPepper = async (log: Log, { fingerprint }: Pepper): Promise<void> => {
  const keys = await openKeys(log)
  const valid = keysOf(keys)
  await keys.close()
  if (valid.length === 0 || valid.some(({ pepper }) => pepper === fingerprint)) return
  throw new CommandFailed(
    `no key was made: the ${valid.length} valid ones have another pepper than this one. Set ` +
      "WEIR_KEY_PEPPER or WEIR_DATA as the gateways have it, or say --new-pepper",
  )
}

const create: Action = async (asked) => {
  const name = nameOf(asked)
  const [scopes, ratePerSecond] = [scopesOf(asked.scopes), rateOf(asked.rate)]
  const pepper = pepperHere(asked)
  if (!asked.newPepper) await refuseForeignPepper(asked.log, pepper)
  const key = newKey()
  const digest = pepper.digest(key).toString("hex")
  await changeAccess(asked.log, name, {
    type: "Create",
    digest,
    pepper: pepper.fingerprint,
    scopes,
    ratePerSecond,
    beside: asked.beside,
    at: Date.now(),
  })
  print(asked, { name, key, id: keyIdOf({ digest }), scopes, ratePerSecond }, () => key)
  if (!asked.json)
    console.error(`the key of ${name} (${scopes.join(", ")}) is shown only this once`)
}

const describeKey = (key: Key) => ({
  name: key.name,
  id: keyIdOf(key),
  scopes: key.scopes,
  ratePerSecond: key.ratePerSecond,
  createdAt: new Date(key.createdAt).toISOString(),
  pepper: key.pepper,
})

const list: Action = async (asked) => {
  const keys = await openKeys(asked.log)
  const callers = keys.callers()
  await keys.close()
  const here = findPepper(configuredPepper(), dataFolder(asked.data))
  const valid = callers.flatMap((caller) => caller.keys.map(describeKey))
  const columns = [
    { name: "CALLER" },
    { name: "KEY" },
    { name: "SCOPES" },
    { name: "RATE", align: "right" as const },
    { name: "CREATED" },
    { name: "PEPPER" },
  ]
  const rows = valid.map(({ name, id, scopes, ratePerSecond, createdAt, pepper }) => {
    const rate = ratePerSecond === undefined ? "no limit" : `${ratePerSecond}/s`
    const made = pepper === here?.fingerprint ? "this" : "another pepper"
    const known = here === undefined ? "none here" : made
    return [name, id, scopes.join(","), rate, createdAt.slice(0, 19), known]
  })
  const revoked = callers.reduce((sum, caller) => sum + caller.revoked, 0)
  print(asked, { keys: valid, revoked }, () =>
    valid.length === 0 ? `no key is valid (${revoked} revoked)` : table(columns, rows),
  )
}

const revoke: Action = async (asked) => {
  const name = nameOf(asked)
  const keyId = asked.words[1]
  const facts = await changeAccess(asked.log, name, { type: "Revoke", keyId, at: Date.now() })
  const ids = facts.map(keyIdOf)
  print(asked, { name, revoked: ids }, () => `revoked ${ids.join(", ")} of ${name}`)
}

const actions: Readonly<Record<string, { readonly words: number; readonly run: Action }>> = {
  create: { words: 1, run: create },
  list: { words: 0, run: list },
  revoke: { words: 2, run: revoke },
}

export const keys: Command = {
  name: "keys",
  summary: "API keys of callers: create, list, revoke",
  usage: `Usage: ./weir keys create NAME         makes a key for a caller and prints it, once
       ./weir keys list                the keys that are valid
       ./weir keys revoke NAME [KEY]   ends one of a caller's keys, or all

predict asks and fetches the caller's own answers; read sees every answer, the feed and metadata;
operate changes what is served and reads metrics. Gateways ask for keys where WEIR_AUTH says so: by
default when they listen on more than this machine. Keys are recognised under WEIR_KEY_PEPPER,
which all gateways must share; without it under a file in the data folder.

${describeFlags(flags)}`,
  run: async (args) => {
    const [name = "", ...rest] = args
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined
    if (action === undefined)
      throw new UsageError(`expected one of ${Object.keys(actions).join(", ")}, got "${name}"`)
    const { flags: set, switches, positionals: words } = readWords(rest, flags, action.words)
    await withFoundLog("keys", set, (log) =>
      action.run({
        log,
        data: set.data,
        json: switches.has("json"),
        words,
        scopes: set.scopes ?? "predict",
        rate: set.rate,
        beside: switches.has("beside"),
        newPepper: switches.has("new-pepper"),
      }),
    )
    return EXIT_DONE
  },
}
