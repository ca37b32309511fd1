// A named tensor with its typed data, and what can be read from it. It knows nothing of requests.
import { CODECS, type DataOf, type Datatype, textsOf, type Values } from "./datatypes.ts"
import { localError } from "./error.ts"

/** Parameters of the protocol. */
export type Parameter = string | number | boolean
export type Parameters = Readonly<Record<string, Parameter>>

export interface TensorOf<D extends Datatype = Datatype> {
  readonly name: string
  readonly datatype: D
  /** Lengths of the dimensions; [] for a scalar. */
  readonly shape: ReadonlyArray<number>
  /** Row-major, as many elements as the shape says. */
  readonly data: DataOf[D]
  readonly parameters?: Parameters
}
/** Narrowed by its `datatype`. */
export type Tensor = { readonly [D in Datatype]: TensorOf<D> }[Datatype]

/** Number of elements of a shape; throws for what is no shape. */
export const elementCount = (shape: ReadonlyArray<number>): number => {
  let count = 1
  for (const dimension of shape) {
    count *= dimension
    if (!Number.isInteger(dimension) || dimension < 0 || !Number.isSafeInteger(count))
      throw localError("invalid", `shape: expected whole lengths, got [${shape.join(",")}]`)
  }
  return count
}

/**
 * A tensor of the typed data or of plain values (numbers, bigints, booleans, texts; FP16 and BF16
 * take numbers, or bits as Uint16Array). Throws where a value does not fit the datatype, or the
 * count of the values not the shape.
 */
export const tensor = <D extends Datatype>(
  name: string,
  datatype: D,
  shape: ReadonlyArray<number>,
  values: Values,
): TensorOf<D> => {
  const data = CODECS[datatype].from(values)
  const count = elementCount(shape)
  if (data.length !== count) {
    const got = `${data.length} values for [${shape.join(",")}]`
    throw localError("invalid", `${name}: expected ${count} values, got ${got}`)
  }
  return { name, datatype, shape, data }
}

/**
 * The elements as numbers, FP16 and BF16 converted, BOOL as 0 and 1; 64-bit integers beyond 2^53
 * lose digits. Throws for BYTES.
 */
export const numbers = <D extends Datatype>({
  datatype,
  data,
}: TensorOf<D>): ReadonlyArray<number> => CODECS[datatype].toNumbers(data)

/** The elements of BYTES as texts; throws for another datatype and where they are not UTF-8. */
export const texts = (from: Tensor): ReadonlyArray<string> => {
  if (from.datatype !== "BYTES")
    throw localError("invalid", `${from.name}: expected BYTES, got ${from.datatype}`)
  return textsOf(from.data)
}

/** The elements of BOOL; throws for another datatype. */
export const booleans = (from: Tensor): ReadonlyArray<boolean> => {
  if (from.datatype !== "BOOL")
    throw localError("invalid", `${from.name}: expected BOOL, got ${from.datatype}`)
  return Array.from(from.data, (value) => value !== 0)
}

/** Trusts that the data is of the datatype, as everything is that a codec of it made. */
export const trusted = (made: TensorOf): Tensor => made as Tensor

const widthOf = (shape: ReadonlyArray<number>): number => elementCount(shape.slice(1))

const sliced = <D extends Datatype>({ datatype, data }: TensorOf<D>, from: number, to: number) =>
  CODECS[datatype].slice(data, from, to)

/** Rows `from` up to `to` of a tensor, whose first dimension is rows. */
export const rowsOf = (whole: TensorOf, from: number, to: number): Tensor => {
  const width = widthOf(whole.shape)
  const data = sliced<Datatype>(whole, from * width, to * width)
  return trusted({ ...whole, shape: [to - from, ...whole.shape.slice(1)], data })
}

const concatenated = <D extends Datatype>(datatype: D, parts: ReadonlyArray<TensorOf<D>>) =>
  CODECS[datatype].concat(parts.map(({ data }) => data))

/** Tensors of one name, datatype and width, one below the other. */
export const stacked = (first: TensorOf, parts: ReadonlyArray<TensorOf>): Tensor => {
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0)
  const data = concatenated<Datatype>(first.datatype, parts)
  return trusted({ ...first, shape: [rows, ...first.shape.slice(1)], data })
}
