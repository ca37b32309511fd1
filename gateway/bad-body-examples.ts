// Bodies that no gateway may take, made from a seed, for tests: each kind breaks one rule in a
// different way each time. All of them are for the flights model.
import { PARAMETER_MAX_CHARACTERS, PARAMETERS_MAX } from "#core/inference/json-body"
import { NAME_MAX_CHARACTERS } from "#proto/names"
import { CLIENT_ID_MAX_CHARACTERS, TENSORS_MAX } from "#proto/request"
import { DIMENSIONS_MAX, TENSOR_NAME_MAX_CHARACTERS } from "#proto/tensor"
import { KEY_MAX_CHARACTERS } from "./call.ts"
import { TIMEOUT_MAX_MILLIS } from "./settings.ts"
import { ROWS, TENSORS } from "./test-system.ts"

export interface BadBody {
  readonly path: string
  readonly body: string | Uint8Array<ArrayBuffer>
  readonly headers: Readonly<Record<string, string>>
}

const DEPTH = 10_000
const ROWS_PATH = "/predict"
const TENSORS_PATH = "/v2/models/flights/infer"

/** Numbers from a seed, in [0, 1): mulberry32. */
export const randomFrom = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

type Random = () => number
const whole = (random: Random, below: number): number => Math.floor(random() * below)
/** One of them; the lists here are never empty. */
const pick = <A>(random: Random, list: readonly [A, ...Array<A>]): A =>
  list[whole(random, list.length)] ?? list[0]

const CELLS: ReadonlyArray<string> = ["1750", "0", "0", '"DTW"', '"LAS"']
const FEATURES = ["distance", "hour", "weekday", "origin", "destination"] as const
const DATATYPES = ["FP32", "INT64", "INT64", "BYTES", "BYTES"] as const
const WORDS = ["[]", "{}", "true", '"x"', "[1]", "null", "7", '""', "[null]"] as const

const rows = (...cells: ReadonlyArray<string>): string => `{"data":[[${cells.join(",")}]]}`
const withCell = (at: number, cell: string): string => rows(...CELLS.with(at, cell))
const tensor = (at: number, data: string, shape = "[1,1]", more = ""): string => {
  const [name, datatype] = [FEATURES[at] ?? "", DATATYPES[at] ?? ""]
  return `{"name":"${name}","datatype":"${datatype}","shape":${shape},"data":${data}${more}}`
}
const INPUTS = CELLS.map((cell, at) => tensor(at, `[${cell}]`))
const tensors = (inputs: ReadonlyArray<string>, more = ""): string =>
  `{"inputs":[${inputs.join(",")}]${more}}`
const withInput = (at: number, input: string): string => tensors(INPUTS.with(at, input))

const ofRows = (body: BadBody["body"], headers: BadBody["headers"] = {}): BadBody => ({
  path: ROWS_PATH,
  body,
  headers,
})
const ofTensors = (body: BadBody["body"], headers: BadBody["headers"] = {}): BadBody => ({
  path: TENSORS_PATH,
  body,
  headers,
})
const either = (random: Random, headers: BadBody["headers"]): BadBody =>
  random() < 0.5 ? ofRows(ROWS, headers) : ofTensors(TENSORS, headers)

/** What can stand at no place of these columns: of numbers, then of text. */
const NO_NUMBER = ['"x"', '"7"', "true", "[]", "{}", "null", "[1]", '{"a":1}', '""'] as const
const NO_WHOLE = [...NO_NUMBER, "0.5", "1e-3", "9223372036854775808", "-1e300"] as const
const NO_TEXT = ["7", "true", "[]", "{}", "null", '["DTW"]', "1e3", '"\\u0000"'] as const
const wrongCell = (random: Random, at: number): string =>
  at === 0 ? pick(random, NO_NUMBER) : pick(random, at < 3 ? NO_WHOLE : NO_TEXT)

const NO_JSON_NUMBERS = ["NaN", "Infinity", "-Infinity", "+1", "01", "1.", ".5", "0x1"] as const
/** Read as infinite, which no model takes. */
const INFINITE = ["1e400", "-1e400", "1e999999", `${"9".repeat(400)}`, "4e38"] as const
const SURROGATES = ['"\\ud800"', '"a\\udc00"', '"\\udc00\\ud800"', '"DTW\\udbff"'] as const

const nested = (random: Random): string => {
  const depth = DEPTH + whole(random, 1_000)
  const [open, close] = random() < 0.5 ? ["[", "]"] : ['{"a":', "}"]
  return `${open.repeat(depth)}1${close.repeat(depth)}`
}

const SHAPES = [
  "[]",
  "[1]",
  "[2,1]",
  "[1,2]",
  "[1,1,1]",
  "[0,1]",
  "[-1,1]",
  "[1.5,1]",
  "1",
] as const

/** Rows with bytes in them that UTF-8 has not. */
const broken = (random: Random): Uint8Array<ArrayBuffer> => {
  const [before, after] = ROWS.split("DTW")
  const wrong = pick(random, [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xfe]])
  return new Uint8Array(
    Buffer.concat([Buffer.from(`${before}D`), Buffer.from(wrong), Buffer.from(after ?? "")]),
  )
}

const longer = (characters: number): string => "x".repeat(characters + 1)
const parameters = (entries: ReadonlyArray<string>): string =>
  tensors(INPUTS, `,"parameters":{${entries.join(",")}}`)

/** One more than each limit; `bytesMax` is that of a request. */
const overLimits = (bytesMax: number): ReadonlyArray<(random: Random) => BadBody> => [
  () => ofRows(ROWS + " ".repeat(bytesMax + 1 - ROWS.length)),
  () => ofTensors(TENSORS + " ".repeat(bytesMax + 1 - TENSORS.length)),
  // A float takes two characters in JSON, and four bytes as it is published.
  () =>
    ofTensors(
      withInput(0, tensor(0, `[${Array(bytesMax / 4 + 1).fill(0)}]`, `[${bytesMax / 4 + 1},1]`)),
    ),
  () => ofTensors(tensors(Array.from({ length: TENSORS_MAX + 1 }, () => INPUTS[0] ?? ""))),
  () => ofTensors(withInput(0, tensor(0, "[1]", `[${Array(DIMENSIONS_MAX + 1).fill(1)}]`))),
  () =>
    ofTensors(
      withInput(0, INPUTS[0]?.replace("distance", longer(TENSOR_NAME_MAX_CHARACTERS)) ?? ""),
    ),
  () => ofTensors(tensors(INPUTS, `,"id":"${longer(CLIENT_ID_MAX_CHARACTERS)}"`)),
  () => ofTensors(parameters(Array.from({ length: PARAMETERS_MAX + 1 }, (_, at) => `"p${at}":1`))),
  () => ofTensors(parameters([`"a":"${longer(PARAMETER_MAX_CHARACTERS)}"`])),
  () => ofTensors(parameters([`"${longer(PARAMETER_MAX_CHARACTERS)}":1`])),
  () => ofTensors(parameters([`"timeout":${TIMEOUT_MAX_MILLIS * 1_000 + 1}`])),
  (random) => either(random, { "weir-timeout-ms": `${TIMEOUT_MAX_MILLIS + 1}` }),
  (random) => either(random, { "idempotency-key": longer(KEY_MAX_CHARACTERS) }),
  (random) => either(random, { "weir-version": longer(NAME_MAX_CHARACTERS) }),
  () => ({ path: `/predict?model=${longer(NAME_MAX_CHARACTERS)}`, body: ROWS, headers: {} }),
]

const badTypes: ReadonlyArray<(random: Random) => BadBody> = [
  (random) => {
    const at = whole(random, CELLS.length)
    return ofRows(withCell(at, wrongCell(random, at)))
  },
  (random) => {
    const at = whole(random, CELLS.length)
    // One value in a list of its own is nested data, and right.
    const cell = wrongCell(random, at).replace(/^\[.+\]$/, "{}")
    return ofTensors(withInput(at, tensor(at, `[${cell}]`)))
  },
  (random) => ofRows(pick(random, WORDS)),
  (random) => ofTensors(pick(random, WORDS)),
  (random) => ofRows(`{"data":[${pick(random, WORDS)}]}`),
  (random) => ofTensors(withInput(whole(random, 5), pick(random, WORDS))),
  (random) => ofTensors(`{"inputs":${pick(random, WORDS)}}`),
  (random) =>
    ofTensors(
      tensors(INPUTS, `,"outputs":${pick(random, ['"x"', "7", "[1]", '[{"name":"no"}]'])}`),
    ),
  (random) =>
    ofTensors(
      tensors(INPUTS, `,"parameters":${pick(random, ['"x"', "7", '{"a":{}}', '{"a":[1]}'])}`),
    ),
]

const badShapes: ReadonlyArray<(random: Random) => BadBody> = [
  (random) => ofRows(rows(...CELLS.slice(0, whole(random, 5)))),
  (random) => ofRows(rows(...CELLS, ...Array<string>(1 + whole(random, 9)).fill("0"))),
  (random) => ofTensors(tensors(INPUTS.toSpliced(whole(random, 5), 1))),
  (random) => ofTensors(tensors([...INPUTS, INPUTS[whole(random, 5)] ?? ""])),
  (random) => {
    const at = whole(random, 5)
    return ofTensors(withInput(at, tensor(at, `[${CELLS[at]}]`, pick(random, SHAPES))))
  },
  (random) => {
    const at = whole(random, 5)
    const data = Array<string>(2 + whole(random, 9)).fill(CELLS[at] ?? "")
    return ofTensors(withInput(at, tensor(at, `[${data}]`)))
  },
]

const badText: ReadonlyArray<(random: Random) => BadBody> = [
  (random) => ofRows(withCell(whole(random, 5), pick(random, NO_JSON_NUMBERS))),
  (random) => ofTensors(withInput(0, tensor(0, `[${pick(random, NO_JSON_NUMBERS)}]`))),
  (random) => ofRows(withCell(whole(random, 3), pick(random, INFINITE))),
  (random) => ofTensors(withInput(0, tensor(0, `[${pick(random, INFINITE)}]`))),
  (random) => ofRows(withCell(3 + whole(random, 2), pick(random, SURROGATES))),
  (random) => ofTensors(withInput(3, tensor(3, `[${pick(random, SURROGATES)}]`))),
  (random) => ofTensors(tensors(INPUTS, `,"id":${pick(random, SURROGATES)}`)),
  (random) => ofRows(ROWS.slice(0, whole(random, ROWS.length))),
  (random) => ofTensors(TENSORS.slice(0, whole(random, TENSORS.length))),
  (random) => ofRows(broken(random)),
  (random) => ofRows(nested(random)),
  (random) => ofRows(withCell(whole(random, 5), nested(random))),
  (random) => ofTensors(withInput(0, tensor(0, nested(random)))),
]

const badKeys: ReadonlyArray<(random: Random) => BadBody> = [
  () => ofRows(`{"data":[[${CELLS}]],"data":[[${CELLS}]]}`),
  (random) => ofTensors(withInput(0, tensor(0, "[1]", "[1,1]", `,"data":[${whole(random, 99)}]`))),
  () => ofTensors(tensors(INPUTS, `,"inputs":[${INPUTS}]`)),
  () => ofTensors(parameters(['"a":1', '"a":2'])),
  () => ofTensors(parameters(['"__proto__":{"timeout":1}'])),
  () => ofTensors(parameters(['"__proto__":1'])),
  () => ofRows('{"__proto__":{"data":[[1750,0,0,"DTW","LAS"]]}}'),
  () => ofTensors(`{"__proto__":${TENSORS}}`),
  (random) => {
    const members = FEATURES.map((name, at) => `"${name}":${CELLS[at]}`)
    const odd = pick(random, ['"__proto__":{"hour":1}', '"constructor":1', '"hour":1', '"hourr":1'])
    return ofRows(`{"data":[{${[...members, odd]}}]}`)
  },
]

const badHeads: ReadonlyArray<(random: Random) => BadBody> = [
  (random) =>
    either(random, {
      "content-type": pick(random, [
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "application/json; charset=utf-16",
      ]),
    }),
  () => ofRows(new Uint8Array(Bun.gzipSync(Buffer.from(ROWS))), { "content-encoding": "gzip" }),
  () => ofRows(new Uint8Array(Bun.gzipSync(Buffer.from(ROWS)))),
  (random) => either(random, { "content-encoding": pick(random, ["br", "zstd", "gzip, gzip"]) }),
  (random) => either(random, { "weir-timeout-ms": pick(random, ["0", "-1", "1e3", "x", "0.5"]) }),
  (random) => either(random, { "weir-version": pick(random, ["9", "a b", "../1", "1.0"]) }),
  (random) => ({
    path: `/predict?${pick(random, ["modle=x", "model=a&model=b", "version=%zz"])}`,
    body: ROWS,
    headers: {},
  }),
  (random) => ({
    path: `/v2/models/${pick(random, ["%E0%A4%A", "none", "a%2Fb"])}/infer`,
    body: TENSORS,
    headers: {},
  }),
]

/** `count` bodies, every kind in turn; the same for the same seed. */
export const badBodies = (
  seed: number,
  count: number,
  bytesMax: number,
): ReadonlyArray<BadBody> => {
  const random = randomFrom(seed)
  const kinds = [
    ...badTypes,
    ...badShapes,
    ...badText,
    ...badKeys,
    ...badHeads,
    ...overLimits(bytesMax),
  ]
  return Array.from({ length: count }, (_, at) => kinds[at % kinds.length]?.(random)).filter(
    (one) => one !== undefined,
  )
}
