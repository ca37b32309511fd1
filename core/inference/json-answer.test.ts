// Answers are JSON that says exactly what the tensors hold, or say that JSON cannot.
import { describe, expect, test } from "bun:test"
import type { Tensor } from "#proto/tensor"
import { BadRequest } from "./bad-request.ts"
import { inferAnswerText } from "./json-answer.ts"
import { good, tensor, texts } from "./test-signatures.ts"

const HEAD = { id: "a", model: "m", version: "1" }
const dataText = (output: Tensor): string => {
  const text = good(inferAnswerText(HEAD, [output]))
  return text.slice(text.indexOf('"data":') + '"data":'.length, -3)
}

test("an answer is the protocol's, with every output in its order", () => {
  const label = tensor("label", "INT64", [2], new BigInt64Array([1n, -5n]))
  const scores = tensor('s"', "FP32", [2, 1], new Float32Array([0.7, 3]))
  const text = inferAnswerText({ ...HEAD, parameters: { b: 1 } }, [label, scores])
  expect(text).toBe(
    '{"id":"a","model_name":"m","model_version":"1","parameters":{"b":1},"outputs":[' +
      '{"name":"label","shape":[2],"datatype":"INT64","data":[1,-5]},' +
      '{"name":"s\\"","shape":[2,1],"datatype":"FP32","data":[0.699999988079071,3]}]}',
  )
})

test("an output without a row has no data", () => {
  expect(dataText(tensor("none", "FP32", [0, 4], new Float32Array()))).toBe("[]")
  expect(dataText(tensor("none", "BYTES", [0], new Uint8Array()))).toBe("[]")
})

describe("each datatype as JSON", () => {
  const cases: ReadonlyArray<readonly [Tensor["datatype"], ArrayBufferView<ArrayBuffer>, string]> =
    [
      ["BOOL", new Uint8Array([1, 0]), "[true,false]"],
      ["UINT8", new Uint8Array([0, 255]), "[0,255]"],
      ["UINT16", new Uint16Array([0, 65_535]), "[0,65535]"],
      ["UINT32", new Uint32Array([0, 4_294_967_295]), "[0,4294967295]"],
      ["UINT64", new BigUint64Array([0n, 18446744073709551615n]), "[0,18446744073709551615]"],
      ["INT8", new Int8Array([-128, 127]), "[-128,127]"],
      ["INT16", new Int16Array([-32_768, 1]), "[-32768,1]"],
      ["INT32", new Int32Array([-2_147_483_648, 1]), "[-2147483648,1]"],
      ["INT64", new BigInt64Array([-(2n ** 63n), 1n]), "[-9223372036854775808,1]"],
      [
        "INT64",
        new BigInt64Array([2n ** 53n - 1n, -(2n ** 53n)]),
        `[${2 ** 53 - 1},${-(2 ** 53)}]`,
      ],
      ["INT64", new BigInt64Array([1n, 2n ** 53n + 1n]), "[1,9007199254740993]"],
      ["INT64", new BigInt64Array([1n, -(2n ** 53n) - 1n]), "[1,-9007199254740993]"],
      ["UINT64", new BigUint64Array([2n ** 53n + 1n, 2n ** 32n]), "[9007199254740993,4294967296]"],
      ["FP32", new Float32Array([1e-45, 3e38]), "[1.401298464324817e-45,3.0000000054977558e+38]"],
      ["FP16", new Float16Array([0.1, -65_504]), "[0.0999755859375,-65504]"],
      ["FP64", new Float64Array([0.1, 1e300]), "[0.1,1e+300]"],
      ["FP64", new Float64Array([-0, Number.NaN]), "[-0.0,null]"],
      ["FP32", new Float32Array([1 / 0, -1 / 0]), "[null,null]"],
      ["BYTES", texts("", 'é"\n'), '["","é\\"\\n"]'],
    ]
  test.each(cases)("%s", (datatype, data, expected) => {
    expect(dataText(tensor("x", datatype, [2], data))).toBe(expected)
  })

  test("data at an odd offset of a message is written just the same", () => {
    const message = new Uint8Array(17)
    message.set(new Uint8Array(new Float64Array([1.5, 2.5]).buffer), 1)
    const data = message.subarray(1)
    expect(dataText({ name: "x", datatype: "FP64", shape: [2], data })).toBe("[1.5,2.5]")
  })
})

test("data shorter than its shape shows nothing of the tensor before it", () => {
  dataText(tensor("before", "FP32", [2], new Float32Array([7, 7])))
  const short = tensor("short", "FP32", [2], new Float32Array([1]))
  expect(() => inferAnswerText(HEAD, [short])).toThrow(RangeError)
})

test("an output that no plain value can write does not change the others", () => {
  const plain = tensor("a", "FP32", [2], new Float32Array([0.5, Number.NaN]))
  const other = tensor("b", "FP64", [1], new Float64Array([-0]))
  expect(good(inferAnswerText(HEAD, [plain, other]))).toContain(
    '"outputs":[{"name":"a","shape":[2],"datatype":"FP32","data":[0.5,null]},' +
      '{"name":"b","shape":[1],"datatype":"FP64","data":[-0.0]}]}',
  )
})

test("bytes that are no text need another form than JSON", () => {
  const output = tensor("raw", "BYTES", [1], new Uint8Array([1, 0, 0, 0, 255]))
  const fault = inferAnswerText(HEAD, [output])
  expect(fault).toBeInstanceOf(BadRequest)
  expect(fault instanceof BadRequest && fault.kind).toBe("unsupported")
  expect(fault instanceof BadRequest && fault.field).toBe("outputs.raw")
})
