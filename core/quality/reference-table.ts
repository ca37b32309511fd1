// The rows that drift is measured against, as the table that a first suite is made of.
import type { Column as ReferenceColumn, Table as ReferenceTable } from "#core/drift/table"
import type { Feature } from "#proto/signature"
import { columnOf, numberColumn, tableOf, type Cell, type Column, type Table } from "./table.ts"

const cellOf = (text: string | undefined, type: Feature["type"]): Cell => {
  if (text === undefined) return null
  if (type === "string") return text
  if (type === "boolean") return text === "true" || text === "1"
  return Number(text)
}

const columnFrom = (column: ReferenceColumn, type: Feature["type"]): Column => {
  if (column.kind === "numeric")
    return type === "boolean"
      ? columnOf(
          type,
          Array.from(column.values, (value) => (value === value ? value !== 0 : null)),
        )
      : numberColumn(type === "integer" ? "integer" : "float", column.values)
  const cells = Array.from(column.codes, (code) => cellOf(column.texts[code], type))
  return columnOf(type === "number" ? "float" : type, cells)
}

/** The features among the columns of a reference, in the order of the features. */
export const tableOfReference = (
  { columns }: ReferenceTable,
  features: ReadonlyArray<Feature>,
): Table =>
  tableOf(
    new Map(
      features.flatMap(({ name, type }) => {
        const found = columns.find((column) => column.source === "input" && column.name === name)
        return found === undefined ? [] : [[name, columnFrom(found, type)] as const]
      }),
    ),
  )
