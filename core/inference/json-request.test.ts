// A JSON body becomes exactly the tensors it describes, or one sentence that names the field.
import { describe, expect, test } from "bun:test"
import { BadRequest, ECHO_MAX_CHARACTERS } from "./bad-request.ts"
import { parseInferRequest } from "./json-request.ts"
import { bytesOf, good, sentence, texts } from "./test-signatures.ts"

const bodyOf = (datatype: string, shape: string, data: string) =>
  `{"inputs":[{"name":"x","datatype":"${datatype}","shape":${shape},"data":${data}}]}`
const dataOf = (datatype: string, shape: string, data: string) =>
  good(parseInferRequest(bodyOf(datatype, shape, data))).inputs[0]?.data
const refusal = (datatype: string, shape: string, data: string) =>
  sentence(parseInferRequest(bodyOf(datatype, shape, data)))

describe("every datatype with a form in JSON becomes its little-endian bytes", () => {
  const cases: ReadonlyArray<readonly [string, string, ArrayBufferView<ArrayBuffer>]> = [
    ["BOOL", "[true,false]", new Uint8Array([1, 0])],
    ["UINT8", "[0,255]", new Uint8Array([0, 255])],
    ["UINT16", "[0,65535]", new Uint16Array([0, 65_535])],
    ["UINT32", "[0,4294967295]", new Uint32Array([0, 4_294_967_295])],
    ["UINT64", "[0,18446744073709551615]", new BigUint64Array([0n, 18446744073709551615n])],
    ["INT8", "[-128,127]", new Int8Array([-128, 127])],
    ["INT16", "[-32768,32767]", new Int16Array([-32_768, 32_767])],
    ["INT32", "[-2147483648,2147483647]", new Int32Array([-2_147_483_648, 2_147_483_647])],
    ["INT64", "[-9223372036854775808,-1]", new BigInt64Array([-9223372036854775808n, -1n])],
    ["FP32", "[-1.5,3.4028234663852886e38]", new Float32Array([-1.5, 3.4028234663852886e38])],
    ["FP16", "[0.1,-65504]", new Float16Array([0.1, -65_504])],
    ["FP64", "[0.1,-0]", new Float64Array([0.1, -0])],
    ["BYTES", '["JFK","Zürich 🛬"]', texts("JFK", "Zürich 🛬")],
  ]
  test.each(cases)("%s", (datatype, data, expected) => {
    expect(dataOf(datatype, "[2]", data)).toEqual(bytesOf(expected))
  })

  test("whole numbers beyond 2^53 keep every digit, wherever their tensor stands", () => {
    const text =
      '{"outputs":null,"inputs":[{"name":"a\\"]","data":["[{",":9007199254740993"],"shape":[2],' +
      '"datatype":"BYTES"},{"name":"b","datatype":"INT64","shape":[2,2],' +
      '"data":[[9007199254740993, -9007199254740993], [1.0,\n-0]]}]}'
    const data = good(parseInferRequest(text)).inputs[1]?.data
    const expected = new BigInt64Array([9007199254740993n, -9007199254740993n, 1n, 0n])
    expect(data).toEqual(bytesOf(expected))
  })

  test("null is NaN in floats, for the checker to judge, and nothing in integers", () => {
    expect(dataOf("FP32", "[2]", "[1,null]")).toEqual(bytesOf(new Float32Array([1, Number.NaN])))
    expect(refusal("INT64", "[1]", "[null]")).toBe(
      "inputs[0].data[0]: expected an integer, got null",
    )
  })

  test("BF16 is not supported, by name: the binding has no form for it", () => {
    const fault = parseInferRequest(bodyOf("BF16", "[1]", "[1]"))
    expect(fault instanceof BadRequest && fault.kind).toBe("unsupported")
    expect(sentence(fault)).toContain('got "BF16"')
  })
})

describe("an element that does not fit is named with its place", () => {
  const cases: ReadonlyArray<readonly [string, string, string]> = [
    ["FP32", '[1,"abc"]', 'inputs[0].data[1]: expected a finite number, got "abc"'],
    ["FP32", "[1,1e39]", "[1]: expected a finite number within the range of FP32, got 1e+39"],
    ["FP64", "[1,1e400]", "[1]: expected a finite number within the range of FP64, got Infinity"],
    ["BOOL", "[true,1]", "inputs[0].data[1]: expected true or false, got 1"],
    ["UINT8", "[256,0]", "inputs[0].data[0]: expected an integer from 0 to 255, got 256"],
    ["INT8", "[1,-129]", "inputs[0].data[1]: expected an integer from -128 to 127, got -129"],
    ["INT32", "[1,1.5]", "inputs[0].data[1]: expected an integer, got 1.5"],
    ["INT64", "[1,9223372036854775808]", "with all digits, got 9223372036854775808"],
    ["INT64", "[1,1e300]", "with all digits, got 1e300"],
    ["INT64", "[1,1e400]", "with all digits, got 1e400"],
    ["UINT64", "[1,18446744073709551616]", "with all digits, got 18446744073709551616"],
    ["UINT64", "[1,-1]", "expected an integer from 0 to 18446744073709551615"],
    ["BYTES", '["a",5]', "inputs[0].data[1]: expected a string, got 5"],
    ["BYTES", '["a","\\ud800"]', "[1]: expected a string without lone surrogates"],
    ["FP32", "[[1],2]", "inputs[0].data[0]: expected a finite number, got an array of 1"],
    ["FP32", "[{},2]", "inputs[0].data[0]: expected a finite number, got an object"],
  ]
  test.each(cases)("%s %s", (datatype, data, expected) => {
    expect(refusal(datatype, "[2]", data)).toContain(expected)
  })

  test("in nested data by one index for each dimension", () => {
    const wide = "[[[1,2],[3,4]],[[5,6],[7,99999999999999999999]]]"
    expect(refusal("INT64", "[2,2,2]", wide)).toStartWith("inputs[0].data[1][1][1]: expected")
    const row = "[[[1,2],[3,4]],[[5,6],[7]]]"
    expect(refusal("FP32", "[2,2,2]", row)).toBe(
      "inputs[0].data[1][1]: expected an array of 2, got an array of 1",
    )
    expect(refusal("FP32", "[2,2]", "[[1,2],3]")).toBe(
      "inputs[0].data[1]: expected an array of 2, got 3",
    )
  })

  test("and no more of a long value is repeated than the limit", () => {
    for (const filler of ["a", "\\n", "\\ud83d\\udeec", "\\u0000"]) {
      const got = parseInferRequest(bodyOf("FP32", "[1]", `["${filler.repeat(500)}"]`))
      expect(got instanceof BadRequest && got.got.length).toBeLessThanOrEqual(ECHO_MAX_CHARACTERS)
      expect(sentence(got).isWellFormed()).toBe(true)
    }
  })
})

describe("shape and data agree", () => {
  test("nested and flat data are the same tensor", () => {
    const flat = dataOf("FP32", "[2,3]", "[1,2,3,4,5,6]")
    expect(dataOf("FP32", "[2,3]", "[[1,2,3],[4,5,6]]")).toEqual(flat)
    expect(dataOf("FP32", "[]", "[7]")).toEqual(bytesOf(new Float32Array([7])))
  })

  const cases: ReadonlyArray<readonly [string, string, string]> = [
    ["[2,2]", "[1,2,3]", "inputs[0].data: expected 4 elements for shape [2,2], got 3"],
    ["[1,1e9]", "[[1]]", "inputs[0].data: expected 1000000000 elements for shape"],
    ["[9007199254740991,9007199254740991]", "[1]", "elements for shape"],
    ["[0]", "[]", "inputs[0].shape[0]: expected an integer of at least 1, got 0"],
    ["[1,-1]", "[1]", "inputs[0].shape[1]: expected an integer of at least 1, got -1"],
    ["[1.5]", "[1]", "inputs[0].shape[0]: expected an integer of at least 1, got 1.5"],
    ['["2"]', "[1]", 'inputs[0].shape[0]: expected an integer of at least 1, got "2"'],
    ["null", "[1]", "inputs[0].shape: expected an array of dimensions, got null"],
    [`[${"1,".repeat(16)}1]`, "[1]", "inputs[0].shape: expected at most 16 dimensions, got 17"],
    ["[1]", "1", "inputs[0].data: expected an array, got 1"],
  ]
  test.each(cases)("shape %s with data %s is refused", (shape, data, expected) => {
    expect(refusal("FP32", shape, data)).toContain(expected)
  })
})

describe("the body around the tensors", () => {
  const input = '{"name":"x","datatype":"FP32","shape":[1],"data":[1]}'

  test("id, parameters and outputs are kept, null is absent, the rest ignored", () => {
    const text = `{"id":"a","parameters":{"b":1,"c":"d","e":true},"inputs":[${input}],
      "outputs":[{"name":"y","parameters":{"binary_data":true}}],"extra":{"deep":[[{}]]}}`
    const { inputs, ...rest } = good(parseInferRequest(text))
    expect(inputs).toHaveLength(1)
    expect(rest).toEqual({
      clientId: "a",
      parameters: { b: 1, c: "d", e: true },
      outputs: ["y"],
    })
    const bare = `{"id":null,"parameters":null,"outputs":[],"inputs":[${input}]}`
    expect(Object.keys(good(parseInferRequest(bare)))).toEqual(["inputs"])
  })

  const cases: ReadonlyArray<readonly [string, string]> = [
    ["", "body: expected a JSON object, got nothing"],
    ["{", "body: expected JSON, got text that cannot be read (Expected '}')"],
    ["[]", "body: expected a JSON object, got an array of 0"],
    ["{}", "inputs: expected an array of tensors, got nothing"],
    ['{"inputs":[]}', "inputs: expected at least one tensor, got none"],
    ['{"inputs":[1]}', "inputs[0]: expected an object, got 1"],
    [`{"inputs":[${input},${input}]}`, 'inputs[1].name: expected each name once, got "x" again'],
    [`{"id":7,"inputs":[${input}]}`, "id: expected a string without lone surrogates, got 7"],
    [`{"id":"${"a".repeat(257)}","inputs":[${input}]}`, "id: expected at most 256 characters"],
    [`{"parameters":[],"inputs":[${input}]}`, "parameters: expected an object, got an array of 0"],
    [`{"parameters":{"a":{}},"inputs":[${input}]}`, "parameters.a: expected a number, a"],
    [`{"parameters":{"a":1e400},"inputs":[${input}]}`, "parameters.a: expected a number"],
    [`{"parameters":{"__proto__":1},"inputs":[${input}]}`, 'got "__proto__"'],
    [`{"inputs":[${input}],"outputs":[{"name":5}]}`, "outputs[0].name: expected a name, got 5"],
    [`{"inputs":[${input}],"outputs":["y"]}`, 'outputs[0]: expected an object, got "y"'],
    ['{"inputs":[{"name":"x","shape":[1],"data":[1]}]}', "inputs[0].datatype: expected one of"],
    [`{"inputs":[${input.replace("FP32", "constructor")}]}`, 'got "constructor"'],
  ]
  test.each(cases)("%s is refused", (text, expected) => {
    expect(sentence(parseInferRequest(text))).toContain(expected)
  })

  test("parameters that would change what the data means are unsupported, not ignored", () => {
    const text = '{"inputs":[{"name":"x","parameters":{"shared_memory_region":"r"}}]}'
    const shared = parseInferRequest(text)
    expect(shared instanceof BadRequest && shared.kind).toBe("unsupported")
    const ranked = '"outputs":[{"name":"y","parameters":{"classification":3}}]'
    const fault = parseInferRequest(`{"inputs":[${input}],${ranked}}`)
    expect(fault instanceof BadRequest && fault.kind).toBe("unsupported")
  })

  test("a key that stands twice in an object is refused, also with escapes", () => {
    const twice = (text: string) => sentence(parseInferRequest(text))
    const got = "body: expected each key at most once in an object, got"
    expect(twice(`{"inputs":[${input}],"inputs":[${input}]}`)).toBe(`${got} "inputs" twice`)
    const escaped = input.replace('"shape"', '"d\\u0061ta":[2],"shape"')
    expect(twice(`{"inputs":[${escaped}]}`)).toBe(`${got} "data" twice`)
    expect(twice(`{"inputs":[${input}],"extra":{"a":1,"b":{},"a":2}}`)).toBe(`${got} "a" twice`)
  })

  test("colons and quotes inside texts are not mistaken for keys", () => {
    const data = '"a\\"data\\":", "12:30", "{\\"x\\":1,\\"x\\":2}", "\\\\"'
    expect(dataOf("BYTES", "[4]", `[${data}]`)).toEqual(
      texts('a"data":', "12:30", '{"x":1,"x":2}', "\\"),
    )
  })

  test("a body nested a million deep is refused or ignored, never a crash", () => {
    const deep = "[".repeat(1_000_000) + "]".repeat(1_000_000)
    expect(sentence(parseInferRequest(bodyOf("FP32", "[1]", deep)))).toContain("inputs[0].data[0]")
    expect(sentence(parseInferRequest(bodyOf("FP32", "[1,1,1]", deep)))).toContain("[0][0][0]")
    expect(sentence(parseInferRequest(deep))).toContain("body: expected")
    const objects = '{"a":'.repeat(10_000) + "1" + "}".repeat(10_000)
    expect(sentence(parseInferRequest(objects))).toContain("inputs: expected")
  })

  test("__proto__ is a key like any other and gives nothing to the objects of this process", () => {
    const hidden = `{"__proto__":{"name":"y"},${input.slice(1)}`
    const text = `{"__proto__":{"id":"evil"},"inputs":[${hidden}]}`
    expect(good(parseInferRequest(text)).inputs[0]?.name).toBe("x")
    expect(good(parseInferRequest(text)).clientId).toBeUndefined()
  })
})
