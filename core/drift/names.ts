// Names in a drift configuration that nothing has: a column, a feature to slice by, a model. They
// would be ignored in silence. It reads no log: who calls it knows the models.
import type { Signature } from "#proto/signature"
import { columnPlans } from "./columns.ts"
import type { DriftConfig } from "./config.ts"
import type { Model } from "./config-schema.ts"
import { truthPlans } from "./truth.ts"

/** The signatures of all versions of each registered model. */
export type KnownModels = ReadonlyMap<string, ReadonlyArray<Signature>>

export interface Misspelt {
  /** Columns and features that no version of their model has, by their keys. */
  readonly columns: ReadonlyArray<string>
  /** Models that are not registered; they may be yet. */
  readonly models: ReadonlyArray<string>
}

const namesOf = (signatures: ReadonlyArray<Signature>): ReadonlySet<string> =>
  new Set(
    signatures
      .flatMap((signature) => [...columnPlans(signature), ...truthPlans(signature)])
      .map(({ column }) => column.name),
  )

const namedBy = (model: Model): ReadonlyArray<readonly [key: string, name: string]> => [
  ...Object.keys(model.columns ?? {}).map((name) => ["columns", name] as const),
  ...(model.slices ?? []).map(({ feature }, at) => [`slices[${at}].feature`, feature] as const),
  ...(model.online ?? []).flatMap((one, at) =>
    "columns" in one
      ? (one.columns ?? []).map((name) => [`online[${at}].columns`, name] as const)
      : [],
  ),
]

const check = (
  key: string,
  model: Model | undefined,
  signatures: ReadonlyArray<Signature>,
): ReadonlyArray<string> => {
  const names = namesOf(signatures)
  if (model === undefined || names.size === 0) return []
  return namedBy(model)
    .filter(([, name]) => !names.has(name))
    .map(
      ([place, name]) => `${key}.${place}: expected one of ${[...names].join(", ")}; got "${name}"`,
    )
}

/** What the file names and nothing has; the defaults' names need one model that has them. */
export const misspeltNames = (config: DriftConfig, known: KnownModels): Misspelt => {
  const models = Object.entries(config.models ?? {})
  const registered = [...known.keys()].join(", ")
  return {
    columns: [
      ...check("defaults", config.defaults, [...known.values()].flat()),
      ...models.flatMap(([name, model]) => check(`models.${name}`, model, known.get(name) ?? [])),
    ],
    models:
      known.size === 0
        ? []
        : models
            .filter(([name]) => !known.has(name))
            .map(([name]) => `models: expected a registered model (${registered}); got "${name}"`),
  }
}
