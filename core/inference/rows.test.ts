// Rows of features become the tensors of the signature, and what a row gets wrong is named by its
// feature.
import { describe, expect, test } from "bun:test"
import type { Signature } from "#proto/signature"
import { BadRequest } from "./bad-request.ts"
import { checkRequest } from "./check.ts"
import { takesRows } from "./feature-rows.ts"
import { parsePredictRequest } from "./rows.ts"
import { predictAnswerText, rowsAnswer } from "./rows-answer.ts"
import { bytesOf, good, IMAGE, MIXED, sentence, tensor, texts } from "./test-signatures.ts"

const read = (data: string) => parsePredictRequest(MIXED, `{"data":${data}}`)
const refusal = (data: string) => sentence(read(data))

describe("rows become tensors", () => {
  const TWO_ROWS = '[[12.5,7,"JFK",9007199254740993,true],[null,8,"Zürich",-1,false]]'

  test("by the order of the signature, each in its datatype, with every digit", () => {
    const request = good(read(TWO_ROWS))
    expect(request.inputs.map(({ name, shape }) => [name, shape])).toEqual([
      ["numbers", [2, 2]],
      ["origin", [2, 1]],
      ["flight", [2]],
      ["weekend", [2, 1]],
    ])
    expect(request.inputs.map(({ data }) => data)).toEqual([
      bytesOf(new Float32Array([12.5, 7, Number.NaN, 8])),
      texts("JFK", "Zürich"),
      bytesOf(new BigInt64Array([9007199254740993n, -1n])),
      new Uint8Array([1, 0]),
    ])
    expect(checkRequest(MIXED, request)).toBeUndefined()
  })

  test("by name just the same, in any order, and a missing value may be left out", () => {
    const named = `[
      {"weekend":true,"flight":9007199254740993,"origin":"JFK","hour":7,"distance":12.5},
      {"hour":8,"origin":"Zürich","flight":-1,"weekend":false}]`
    expect(good(read(named))).toEqual(good(read(TWO_ROWS)))
    const mixed = '[[1,2,"a",3,true],{"hour":8,"origin":"b","flight":1,"weekend":false}]'
    expect(good(read(mixed)).inputs[1]?.data).toEqual(texts("a", "b"))
  })

  test("with the caller's id and parameters", () => {
    const text = '{"id":"a","parameters":{"b":1},"data":[[1,2,"a",3,true]]}'
    const { inputs: _, ...rest } = good(parsePredictRequest(MIXED, text))
    expect(rest).toEqual({ clientId: "a", parameters: { b: 1 } })
  })

  test("flags and whole numbers in float columns, and half floats", () => {
    const signature: Signature = {
      task: "regression",
      batching: true,
      features: [
        { name: "flag", tensor: "x", column: 1, type: "boolean", missing: "nan" },
        { name: "big", tensor: "x", column: 0, type: "integer" },
        { name: "id", tensor: "id", column: 0, type: "integer" },
      ],
      inputs: [
        { name: "x", datatype: "FP16", shape: [-1, -1] },
        { name: "id", datatype: "UINT64", shape: [-1] },
      ],
      outputs: [],
    }
    const rows = "[[true,5,18446744073709551615],[0,6,1],[null,7,2]]"
    const request = good(parsePredictRequest(signature, `{"data":${rows}}`))
    const halves = new Float16Array([5, 1, 6, 0, 7, Number.NaN])
    expect(request.inputs.map(({ data }) => data)).toEqual([
      bytesOf(halves),
      bytesOf(new BigUint64Array([18446744073709551615n, 1n, 2n])),
    ])
    expect(checkRequest(signature, request)).toBeUndefined()
    const flag = parsePredictRequest(signature, '{"data":[[2,5,1]]}')
    expect(sentence(flag)).toBe("data[0][0] (flag): expected true or false or null, got 2")
  })
})

describe("what does not fit is named by row, column and feature", () => {
  const INTEGER = "an integer from -9223372036854775808 to 9223372036854775807, with all digits"
  const cases: ReadonlyArray<readonly [string, string]> = [
    ['[[1,"x","a",3,true]]', 'data[0][1] (hour): expected an integer, got "x"'],
    ['[[1,2.5,"a",3,true]]', "data[0][1] (hour): expected an integer, got 2.5"],
    ['[[1,null,"a",3,true]]', "data[0][1] (hour): expected an integer, got null"],
    ['[["x",2,"a",3,true]]', 'data[0][0] (distance): expected a finite number or null, got "x"'],
    ['[[true,2,"a",3,true]]', "data[0][0] (distance): expected a finite number or null, got true"],
    ['[[1e39,2,"a",3,true]]', "expected a finite number within the range of FP32 or null, got 1e"],
    ['[[1e400,2,"a",3,true]]', "within the range of FP32 or null, got Infinity"],
    ['[[1,2,"a",3,1]]', "data[0][4] (weekend): expected true or false, got 1"],
    ["[[1,2,3,3,true]]", "data[0][2] (origin): expected a string, got 3"],
    ['[[1,2,"\\udc00",3,true]]', "(origin): expected a string without lone surrogates"],
    ['[[1,2,"a",9223372036854775808,true]]', `(flight): expected ${INTEGER}, got 92233720368547`],
    ['[[1,2,"a",1e18,true]]', `(flight): expected ${INTEGER}, got 1000000000000000000`],
    ['[[1,2,"a",3,true],[1,2,"a",3]]', "data[1]: expected 5 values (" + '"distance", "hour"'],
    [
      '[1,2,"a",3,true]',
      "data[0]: expected a row: an array or an object, also when it is the only",
    ],
    ["[]", "data: expected at least one row, got none"],
    ["null", "data: expected an array of rows, got null"],
    [
      '[{"hour":8,"origin":"b","flight":1}]',
      "data[0].weekend: expected true or false, got nothing",
    ],
    ['[{"toString":1}]', 'data[0]: expected only features ("distance", "hour", "origin"'],
    ['[{"__proto__":{"hour":8}}]', 'got "__proto__"'],
    [
      '[{"hour":8,"hour":9}]',
      'body: expected each key at most once in an object, got "hour" twice',
    ],
  ]
  test.each(cases)("%s", (data, expected) => {
    expect(refusal(data)).toContain(expected)
  })

  test("also when a number elsewhere made the whole body be read exactly", () => {
    expect(refusal('[[1,2,"a",9007199254740993,1]]')).toStartWith("data[0][4] (weekend)")
    const request = good(
      read('[[12345678901234567890,12345678901234567890,"a",-9007199254740993,true]]'),
    )
    const float = Math.fround(12345678901234567890)
    expect(request.inputs[0]?.data).toEqual(bytesOf(new Float32Array([float, float])))
    expect(checkRequest(MIXED, request)).toBeUndefined()
  })

  test("a body too deep for the exact reading is refused, not a crash", () => {
    const deep = "[".repeat(200_000) + "]".repeat(200_000)
    const text = `{"data":[[1,2,"a",9007199254740993,true]],"ignored":${deep}}`
    expect(sentence(parsePredictRequest(MIXED, text))).toBe(
      "body: expected JSON, got text that is nested too deeply",
    )
  })

  test("a feature that is named like a method of objects is not found where it is absent", () => {
    const signature: Signature = {
      ...MIXED,
      features: [{ name: "constructor", tensor: "x", column: 0, type: "string" }],
      inputs: [{ name: "x", datatype: "BYTES", shape: [-1] }],
    }
    const fault = parsePredictRequest(signature, '{"data":[{}]}')
    expect(sentence(fault)).toBe("data[0].constructor: expected a string, got nothing")
  })
})

describe("models that are no tables", () => {
  test("take no rows, and say so as unsupported", () => {
    expect(takesRows(MIXED)).toBe(true)
    expect(takesRows(IMAGE)).toBe(false)
    const fault = parsePredictRequest(IMAGE, '{"data":[[1]]}')
    expect(fault instanceof BadRequest && fault.kind).toBe("unsupported")
  })

  test("a column without a feature, a column twice and a stranger's tensor make no table", () => {
    const features = (...columns: ReadonlyArray<readonly [string, number]>): Signature => ({
      ...MIXED,
      features: columns.map(([of, column], index) => ({
        name: `f${index}`,
        tensor: of,
        column,
        type: "number",
      })),
      inputs: [{ name: "x", datatype: "FP32", shape: [-1, 2] }],
    })
    expect(takesRows(features(["x", 0], ["x", 1]))).toBe(true)
    expect(takesRows(features(["x", 0]))).toBe(false)
    expect(takesRows(features(["x", 0], ["x", 0]))).toBe(false)
    expect(takesRows(features(["x", 0], ["x", 2]))).toBe(false)
    expect(takesRows(features(["x", 0], ["x", 1], ["y", 0]))).toBe(false)
  })

  test("a fixed number of rows is asked for by name", () => {
    const inputs = MIXED.inputs.map((input) => ({ ...input, shape: [1, ...input.shape.slice(1)] }))
    const fault = parsePredictRequest({ ...MIXED, inputs }, '{"data":[[],[]]}')
    expect(sentence(fault)).toBe("data: expected 1 row, as the model takes, got 2")
  })
})

describe("answers by row", () => {
  const head = { id: "a", model: "m", version: "1" }
  const label = tensor("label", "INT64", [2], new BigInt64Array([2n ** 53n + 1n, 0n]))
  const probabilities = tensor(
    "probabilities",
    "FP32",
    [2, 2],
    new Float32Array([0.25, 0.75, 1, 0]),
  )

  test("are labels with all digits, and probabilities where the signature names them", () => {
    expect(predictAnswerText(head, MIXED, [probabilities, label])).toBe(
      '{"id":"a","model":"m","version":"1","predictions":[9007199254740993,0],' +
        '"probabilities":[[0.25,0.75],[1,0]]}',
    )
  })

  test("are one value a row where a row has one, nested arrays where it has more", () => {
    const predictions = (shape: ReadonlyArray<number>, ...values: ReadonlyArray<number>) => {
      const answer = rowsAnswer(IMAGE, [tensor("y", "FP64", shape, new Float64Array(values))])
      return "predictions" in answer ? answer.predictions : answer.message
    }
    expect(predictions([2, 1], 1.5, Number.NaN)).toBe("[1.5,null]")
    expect(predictions([2, 1, 1], 1, 2)).toBe("[1,2]")
    expect(predictions([1, 2, 2], 1, 2, 3, 4)).toBe("[[[1,2],[3,4]]]")
    expect(predictions([2, 2], 1, 2, 3, -0)).toBe("[[1,2],[3,-0.0]]")
    expect(predictions([], 7)).toBe("[7]")
  })

  test("keep the probabilities of one column as rows", () => {
    const one = tensor("probabilities", "FP32", [2], new Float32Array([0.5, 0.25]))
    const answer = rowsAnswer(MIXED, [label, one])
    expect("probabilities" in answer && answer.probabilities).toBe("[[0.5],[0.25]]")
  })

  test("are texts, flags and half floats as JSON has them; other bytes are refused", () => {
    const text = tensor("label", "BYTES", [2], texts('a"', "é"))
    expect(predictAnswerText(head, MIXED, [text])).toContain('"predictions":["a\\"","é"]')
    const flags = tensor("label", "BOOL", [2, 1], new Uint8Array([1, 0]))
    expect(predictAnswerText(head, MIXED, [flags])).toContain('"predictions":[true,false]')
    const half = tensor("label", "FP16", [1], new Float16Array([0.5]))
    expect(predictAnswerText(head, MIXED, [half])).toContain('"predictions":[0.5]')
    const bytes = tensor("label", "BYTES", [1], new Uint8Array([1, 0, 0, 0, 255]))
    const fault = predictAnswerText(head, MIXED, [bytes])
    expect(fault instanceof BadRequest && fault.kind).toBe("unsupported")
  })
})

test("a number that underflows to 0 is no integer", () => {
  const wide: Signature = {
    task: "other",
    batching: true,
    features: [{ name: "x", tensor: "x", column: 0, type: "integer" }],
    inputs: [{ name: "x", datatype: "INT64", shape: [-1, 1] }],
    outputs: [],
  }
  expect(parsePredictRequest(wide, '{"data":[[1e-400]]}')).toBeInstanceOf(BadRequest)
  expect(parsePredictRequest(wide, '{"data":[[0e-400]]}')).not.toBeInstanceOf(BadRequest)
})
