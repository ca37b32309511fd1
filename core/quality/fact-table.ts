// The table that the facts of a model make: a row for each row that was answered, its features by
// their names, and what the model said. Facts without an output are counted and give no rows.
import { columnPlans } from "#core/drift/columns"
import type { Prediction } from "#proto/prediction"
import type { Feature, Signature } from "#proto/signature"
import { requestRows, type RequestRows } from "./request-rows.ts"
import { columnOf, tableOf, type Cell, type ColumnType, type Table } from "./table.ts"

type Place = Pick<Feature, "name" | "tensor" | "column" | "type">

interface Plan {
  readonly inputs: ReadonlyArray<Place>
  readonly outputs: ReadonlyArray<Place>
}

interface Growing {
  type: ColumnType
  readonly cells: Array<Cell>
}

const outputPlaces = (signature: Signature): ReadonlyArray<Place> =>
  columnPlans(signature).flatMap(({ column: { name }, of, tensor, element }) => {
    if (of !== "outputs" || element === "largest") return []
    const datatype = signature.outputs.find((spec) => spec.name === tensor)?.datatype ?? "FP64"
    const other = datatype.startsWith("FP") ? "number" : "integer"
    const type = datatype === "BYTES" ? "string" : datatype === "BOOL" ? "boolean" : other
    return [{ name, tensor, column: element, type }]
  })

const planOf = (signature: Signature): Plan => ({
  inputs: signature.features,
  outputs: outputPlaces(signature),
})

const typeOf = ({ type }: Place): ColumnType => (type === "number" ? "float" : type)

/** Of columns that versions have in different types. */
const common = (a: ColumnType, b: ColumnType): ColumnType => {
  if (a === b) return a
  const numbers = [a, b].every((type) => type === "integer" || type === "float")
  return numbers ? "float" : "mixed"
}

export class FactTable {
  readonly #rowsMax: number
  readonly #plans = new Map<Signature, Plan>()
  readonly #columns = new Map<string, Growing>()
  #rows = 0
  #seen = 0
  #failed = 0

  /** Holds the first `rowsMax` rows; those behind them are only counted. */
  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax
  }

  /** Rows that came by. */
  get seen(): number {
    return this.#seen
  }

  /** Facts without an output. */
  get failed(): number {
    return this.#failed
  }

  /** Adds the rows of a fact of a version with this signature. */
  add({ request, outputs }: Prediction, signature: Signature): void {
    if (request === undefined || outputs === undefined) {
      this.#failed++
      return
    }
    const plan = this.#planOf(signature)
    const given = requestRows(plan.inputs, request.inputs)
    this.#seen += given.rows
    const rows = Math.min(given.rows, this.#rowsMax - this.#rows)
    if (rows <= 0) return
    this.#take(plan.inputs, given, rows)
    const answered = requestRows(plan.outputs, outputs)
    this.#take(plan.outputs, answered, Math.min(rows, answered.rows))
    this.#rows += rows
  }

  /** The rows so far; where a version lacks a column, they have no value there. */
  finish(): Table {
    return tableOf(
      new Map(
        [...this.#columns].map(([name, { type, cells }]) => {
          while (cells.length < this.#rows) cells.push(null)
          return [name, columnOf(type, cells)]
        }),
      ),
    )
  }

  #planOf(signature: Signature): Plan {
    const known = this.#plans.get(signature) ?? planOf(signature)
    this.#plans.set(signature, known)
    return known
  }

  #take(places: ReadonlyArray<Place>, { read }: RequestRows, rows: number): void {
    for (const [index, place] of places.entries()) {
      const { cells } = this.#column(place)
      while (cells.length < this.#rows) cells.push(null)
      for (let row = 0; row < rows; row++) cells.push(read(index, row))
    }
  }

  #column(place: Place): Growing {
    const type = typeOf(place)
    const known = this.#columns.get(place.name)
    if (known !== undefined) {
      known.type = common(known.type, type)
      return known
    }
    const made: Growing = { type, cells: [] }
    this.#columns.set(place.name, made)
    return made
  }
}
