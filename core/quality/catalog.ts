// All expectations that are known here, by the names that the tool gives them.
import { aggregatesFamily } from "./aggregates.ts"
import type { Definition, Family } from "./check.ts"
import { columnTypesFamily } from "./column-types.ts"
import { distinctValuesFamily } from "./distinct-values.ts"
import { divergenceFamily } from "./divergence.ts"
import { formatsFamily } from "./formats.ts"
import { intervalFamily } from "./interval.ts"
import { membershipFamily } from "./membership.ts"
import { nullityFamily } from "./nullity.ts"
import { quantilesFamily } from "./quantiles.ts"
import { recordsFamily } from "./records.ts"
import { tablesFamily } from "./tables.ts"
import { textFamily } from "./text.ts"
import { wholeColumnFamily } from "./whole-column.ts"

const catalog: Family = {
  ...tablesFamily,
  ...nullityFamily,
  ...intervalFamily,
  ...membershipFamily,
  ...columnTypesFamily,
  ...textFamily,
  ...formatsFamily,
  ...wholeColumnFamily,
  ...recordsFamily,
  ...aggregatesFamily,
  ...distinctValuesFamily,
  ...quantilesFamily,
  ...divergenceFamily,
}

export const expectationTypes: ReadonlyArray<string> = Object.keys(catalog)

export const definitionOf = (type: string): Definition | undefined =>
  Object.hasOwn(catalog, type) ? catalog[type] : undefined
