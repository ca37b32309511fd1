import { describe, expect, test } from "bun:test"
import { Arbitrary, Schema } from "effect"
import { property } from "../test/support/property.ts"
import { CODECS, type Datatype } from "./datatypes.ts"
import { InferenceError } from "./error.ts"
import { bf16FromNumber, bf16ToNumber, fp16FromNumber, fp16ToNumber } from "./half-floats.ts"
import { decodeAnswer, encodeRequest, HEAD_LENGTH } from "./infer-body.ts"
import { tensor, type TensorOf } from "./tensor.ts"

const DATATYPES = Object.keys(CODECS) as ReadonlyArray<Datatype>
const ELEMENT_BYTES: Readonly<Record<Exclude<Datatype, "BYTES">, number>> = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  BF16: 2,
  FP32: 4,
  FP64: 8,
}

const Bytes = Arbitrary.schema(
  Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))).check(
    Schema.isMaxLength(64),
  ),
)
const Datatypes = Arbitrary.schema(Schema.Literals(DATATYPES))

/** A tensor of whole elements from whatever bytes. */
const tensorFrom = (datatype: Datatype, bytes: ReadonlyArray<number>, name: string): TensorOf => {
  if (datatype === "BYTES") {
    const words = [bytes.slice(0, 3), bytes.slice(3), []].map((part) => new Uint8Array(part))
    return tensor(name, datatype, [words.length], words)
  }
  const size = ELEMENT_BYTES[datatype]
  const count = Math.floor(bytes.length / size)
  // BOOL is 0 or 1.
  const raw = new Uint8Array(
    bytes.slice(0, count * size).map((byte) => (datatype === "BOOL" ? byte % 2 : byte)),
  )
  return tensor(name, datatype, [count], CODECS[datatype].fromBytes(raw))
}

/** The body of a request as a server would answer it. */
const asAnswer = (inputs: ReadonlyArray<TensorOf>, form: "json" | "binary") => {
  const { bytes, headers } = encodeRequest({ id: "mine", inputs }, form)
  const length = Number(headers[HEAD_LENGTH] ?? bytes.byteLength)
  const head = new TextDecoder().decode(bytes.subarray(0, length))
  const turned = head.replace('"inputs":[', '"model_name":"m","outputs":[')
  const front = new TextEncoder().encode(turned)
  const body = new Uint8Array([...front, ...bytes.subarray(length)])
  return { body, headLength: form === "json" ? null : `${front.byteLength}` }
}

describe("what is encoded is decoded:", () => {
  property(
    "any tensors, as raw bytes",
    Arbitrary.array(Arbitrary.all([Datatypes, Bytes]), { maxLength: 4 }),
    (all) => {
      const inputs = all.map(([datatype, bytes], at) => tensorFrom(datatype, bytes, `t${at}`))
      const { body, headLength } = asAnswer(inputs, "binary")
      const { outputs } = decodeAnswer(body, headLength)
      expect(outputs.map(({ shape }) => shape)).toEqual(inputs.map(({ shape }) => [...shape]))
      const raw = (one: TensorOf) => [one.name, one.datatype, rawOf(one)]
      expect(outputs.map(raw)).toEqual(inputs.map(raw))
    },
  )

  property("any 64-bit integers, as JSON", Arbitrary.array(Bytes, { maxLength: 3 }), (all) => {
    const inputs = all.flatMap((bytes, at): ReadonlyArray<TensorOf> => [
      tensorFrom("INT64", bytes, `"123456789012345678${at}`),
      tensorFrom("UINT64", bytes, `u${at}`),
    ])
    const { body, headLength } = asAnswer(inputs, "json")
    expect<ReadonlyArray<TensorOf>>(decodeAnswer(body, headLength).outputs).toEqual(inputs)
  })

  property("any texts, as JSON", Arbitrary.array(Arbitrary.schema(Schema.String)), (words) => {
    // A lone surrogate is no UTF-8, so it is not sent as it is.
    const sent = words.map((word) => word.toWellFormed())
    const inputs = [tensor("x", "BYTES", [sent.length], sent)]
    const { body, headLength } = asAnswer(inputs, "json")
    expect<ReadonlyArray<TensorOf>>(decodeAnswer(body, headLength).outputs).toEqual(inputs)
  })

  property("any doubles, as JSON", Bytes, (bytes) => {
    const one = tensorFrom("FP64", bytes, "x")
    const values = CODECS.FP64.fromBytes(rawOf(one)).map((value) =>
      Number.isFinite(value) ? value : Number.NaN,
    )
    const inputs = [tensor("x", "FP64", [values.length], values)]
    const { body, headLength } = asAnswer(inputs, "json")
    const [read] = decodeAnswer(body, headLength).outputs
    for (const [at, value] of values.entries()) expect(Object.is(read?.data[at], value)).toBe(true)
  })
})

const rawOf = <D extends Datatype>({ datatype, data }: TensorOf<D>): Uint8Array =>
  new Uint8Array(CODECS[datatype].toBytes(data))

describe("a damaged answer is a bad answer and nothing else:", () => {
  const whole = asAnswer(
    [
      tensor("x", "FP32", [2], [1, 2]),
      tensor("y", "BYTES", [2], ["a", "b"]),
      tensor("z", "INT64", [1], [2n ** 60n]),
    ],
    "binary",
  )
  const isRead = (body: Uint8Array, headLength: string | null): void => {
    try {
      decodeAnswer(body, headLength)
    } catch (error) {
      if (!(error instanceof InferenceError)) throw error
      expect([error.status, error.code]).toEqual([0, "bad_answer"])
    }
  }
  const Places = Arbitrary.schema(
    Schema.Array(Schema.Tuple([Schema.Finite, Schema.Int])).check(Schema.isMaxLength(4)),
  )

  property(
    "bytes changed",
    Places,
    (changes) => {
      const body = whole.body.slice()
      for (const [place, byte] of changes) body[Math.floor(Math.abs(place)) % body.length] = byte
      isRead(body, whole.headLength)
    },
    { runs: 2_000 },
  )

  test("cut at every byte", () => {
    for (let at = 0; at < whole.body.length; at++) isRead(whole.body.slice(0, at), whole.headLength)
  })

  property(
    "any bytes with any length",
    Arbitrary.all([Bytes, Arbitrary.schema(Schema.Int)]),
    ([bytes, length]) => isRead(new Uint8Array(bytes), `${length}`),
  )

  test("nested without end, or of other types", () => {
    const deep = `{"outputs":${"[".repeat(5_000)}${"]".repeat(5_000)}}`
    for (const text of [deep, "null", "[]", '{"outputs":[{}]}', '{"outputs":{}}', "{", ""])
      expect(() => decodeAnswer(new TextEncoder().encode(text), null)).toThrow(InferenceError)
  })
})

describe("halves", () => {
  test("come back as they were, every one of FP16 and BF16", () => {
    for (let bits = 0; bits < 65_536; bits++) {
      const half = fp16ToNumber(bits)
      if (!Number.isNaN(half)) expect(fp16FromNumber(half)).toBe(bits)
      const brain = bf16ToNumber(bits)
      if (!Number.isNaN(brain)) expect(bf16FromNumber(brain)).toBe(bits)
    }
  })
  property("are the nearest, as the platform's own", Arbitrary.schema(Schema.Finite), (value) => {
    const single = Math.fround(value / 1e3)
    const platform = new Uint16Array(new Float16Array([single]).buffer)[0]
    expect(fp16FromNumber(single)).toBe(platform ?? -1)
  })
  test("that are none stay none", () => {
    expect(fp16ToNumber(fp16FromNumber(Number.NaN))).toBeNaN()
    expect(bf16ToNumber(bf16FromNumber(Number.NaN))).toBeNaN()
    expect(fp16ToNumber(fp16FromNumber(-1e9))).toBe(Number.NEGATIVE_INFINITY)
    expect(fp16FromNumber(65_519)).toBe(0x7bff)
    expect(fp16FromNumber(65_520)).toBe(0x7c00)
  })
})

describe("a tensor is refused", () => {
  test.each([
    ["FP32", [2], [1]],
    ["INT8", [1], [128]],
    ["INT64", [1], [2 ** 53]],
    ["UINT64", [1], [-1n]],
    ["BOOL", [1], [2]],
    ["INT32", [1], [1.5]],
    ["FP32", [-1], []],
    ["BYTES", [1], [1]],
    ["FP32", [1], ["1"]],
  ] as const)("%s: %p", (datatype, shape, values) => {
    expect(() => tensor("x", datatype, shape, values)).toThrow(InferenceError)
  })
  test("as JSON where JSON cannot say it", () => {
    const infinite = { inputs: [tensor("x", "FP32", [1], [Number.POSITIVE_INFINITY])] }
    const bytes = { inputs: [tensor("x", "BYTES", [1], [new Uint8Array([255])])] }
    for (const request of [infinite, bytes])
      expect(() => encodeRequest(request, "json")).toThrow(InferenceError)
  })
})
