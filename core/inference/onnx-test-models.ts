// A small encoder of ONNX files, for tests that need a model nobody would train: one of each
// datatype, one that mixes rows, a slow one, a malformed one.

export type Field = readonly number[]

const varint = (value: number): Array<number> => {
  const bytes: Array<number> = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  bytes.push(rest)
  return bytes
}

export const integer = (field: number, value: number): Field => [
  ...varint(field * 8),
  ...varint(value),
]
export const bytes = (field: number, content: Iterable<number>): Field => {
  const list = [...content]
  return [...varint(field * 8 + 2), ...varint(list.length), ...list]
}
export const text = (field: number, content: string): Field =>
  bytes(field, new TextEncoder().encode(content))
export const message = (field: number, ...fields: ReadonlyArray<Field>): Field =>
  bytes(field, fields.flat())

/** onnx.TensorProto.DataType. */
export const ELEMENT = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
  BF16: 16,
} as const

export type Dimensions = ReadonlyArray<number | string>

const shape = (dimensions: Dimensions): Field =>
  message(
    2,
    ...dimensions.map((dimension) =>
      message(1, typeof dimension === "number" ? integer(1, dimension) : text(2, dimension)),
    ),
  )

/** The field is 11 for an input, 12 for an output; without dimensions the rank is not told. */
export const value = (field: 11 | 12, name: string, element: number, dimensions?: Dimensions) =>
  message(
    field,
    text(1, name),
    message(
      2,
      message(1, integer(1, element), ...(dimensions === undefined ? [] : [shape(dimensions)])),
    ),
  )

export const node = (
  operator: string,
  inputs: ReadonlyArray<string>,
  outputs: ReadonlyArray<string>,
  ...attributes: ReadonlyArray<Field>
): Field =>
  message(
    1,
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, operator),
    ...attributes,
  )

/** An initializer of 32-bit floats. */
export const floats = (name: string, dims: ReadonlyArray<number>, data: Float32Array): Field =>
  message(
    5,
    ...dims.map((dimension) => integer(1, dimension)),
    integer(2, ELEMENT.FP32),
    text(8, name),
    bytes(9, new Uint8Array(data.buffer)),
  )

export const model = (...graph: ReadonlyArray<Field>): Uint8Array<ArrayBuffer> =>
  modelWith([], ...graph)

/** `fields` are further fields of the ModelProto. */
export const modelWith = (
  fields: ReadonlyArray<Field>,
  ...graph: ReadonlyArray<Field>
): Uint8Array<ArrayBuffer> =>
  new Uint8Array(
    [
      integer(1, 8),
      message(7, ...graph, text(2, "test")),
      message(8, text(1, ""), integer(2, 17)),
      ...fields,
    ].flat(),
  )

/** One input, one output, the same values. */
export const identity = (element: number, dimensions: Dimensions = ["N"]) =>
  model(
    node("Identity", ["x"], ["y"]),
    value(11, "x", element, dimensions),
    value(12, "y", element, dimensions),
  )

/** Subtracts the mean over the rows: the answer for a row depends on the others. */
export const centred = model(
  node("ReduceMean", ["x"], ["mean"], message(5, text(1, "axes"), integer(8, 0), integer(20, 7))),
  node("Sub", ["x", "mean"], ["y"]),
  value(11, "x", ELEMENT.FP32, ["N", 3]),
  value(12, "y", ELEMENT.FP32, ["N", 3]),
)

/** Looks rows up in a table of two: most small integers are out of range. */
export const twoRowTable = model(
  node("Gather", ["table", "ids"], ["y"]),
  floats("table", [2, 2], new Float32Array([1, 2, 3, 4])),
  value(11, "ids", ELEMENT.INT64, ["N"]),
  value(12, "y", ELEMENT.FP32, ["N", 2]),
)

/**
 * Adds one `n` times, in a loop of the model's own: a large `n` does not end in anybody's time. The
 * body takes (turn, condition, sum) and gives (condition, sum).
 */
export const looping = model(
  floats("one", [1], new Float32Array([1])),
  floats("zero", [1], new Float32Array([0])),
  node(
    "Loop",
    ["n", "", "zero"],
    ["y"],
    message(
      5,
      text(1, "body"),
      message(
        6,
        node("Identity", ["condition"], ["on"]),
        node("Add", ["sum", "one"], ["more"]),
        text(2, "turn"),
        value(11, "turn", ELEMENT.INT64, []),
        value(11, "condition", ELEMENT.BOOL, []),
        value(11, "sum", ELEMENT.FP32, [1]),
        value(12, "on", ELEMENT.BOOL, []),
        value(12, "more", ELEMENT.FP32, [1]),
      ),
      integer(20, 5),
    ),
  ),
  value(11, "n", ELEMENT.INT64, [1]),
  value(12, "y", ELEMENT.FP32, [1]),
)

/** Multiplies rows of `width` values by one matrix `times` times: as slow as wanted. */
export const multiplied = (width: number, times: number) =>
  model(
    ...Array.from({ length: times }, (_, step) =>
      node(
        "MatMul",
        [step === 0 ? "x" : `x${step}`, "w"],
        [step + 1 === times ? "y" : `x${step + 1}`],
      ),
    ),
    floats("w", [width, width], new Float32Array(width * width).fill(1 / width)),
    value(11, "x", ELEMENT.FP32, ["N", width]),
    value(12, "y", ELEMENT.FP32, ["N", width]),
  )
