// Bodies that no gateway may take, made from a seed, for tests: each breaks one rule, in a request
// that has nothing else wrong with it. All of them are for the flights model.
import { PARAMETER_MAX_CHARACTERS, PARAMETERS_MAX } from "#core/inference/json-body"
import { NAME_MAX_CHARACTERS } from "#proto/names"
import { CLIENT_ID_MAX_CHARACTERS, TENSORS_MAX } from "#proto/request"
import { DIMENSIONS_MAX, TENSOR_NAME_MAX_CHARACTERS } from "#proto/tensor"
import { KEY_MAX_CHARACTERS } from "#proto/ids"
import { TIMEOUT_MAX_MILLIS } from "../settings.ts"

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

const AIRPORTS = ['"DTW"', '"LAS"', '"HNL"', '"SFO"', '"ABE"', '"ATL"'] as const
/** A row with nothing wrong in it. */
const cells = (random: Random): ReadonlyArray<string> => [
  `${31 + whole(random, 4_000)}`,
  `${whole(random, 24)}`,
  `${whole(random, 7)}`,
  pick(random, AIRPORTS),
  pick(random, AIRPORTS),
]
const FEATURES = ["distance", "hour", "weekday", "origin", "destination"] as const
const DATATYPES = ["FP32", "INT64", "INT64", "BYTES", "BYTES"] as const
const WORDS = ["[]", "{}", "true", '"x"', "[1]", "null", "7", '""', "[null]"] as const

const rows = (...cells: ReadonlyArray<string>): string => `{"data":[[${cells.join(",")}]]}`
const goodRows = (random: Random): string => rows(...cells(random))
const withCell = (random: Random, at: number, cell: string): string =>
  rows(...cells(random).with(at, cell))
const tensor = (at: number, data: string, shape = "[1,1]", more = ""): string => {
  const [name, datatype] = [FEATURES[at] ?? "", DATATYPES[at] ?? ""]
  return `{"name":"${name}","datatype":"${datatype}","shape":${shape},"data":${data}${more}}`
}
const inputs = (random: Random): ReadonlyArray<string> =>
  cells(random).map((cell, at) => tensor(at, `[${cell}]`))
const tensors = (list: ReadonlyArray<string>, more = ""): string =>
  `{"inputs":[${list.join(",")}]${more}}`
const goodTensors = (random: Random, more = ""): string => tensors(inputs(random), more)
const withInput = (random: Random, at: number, input: string): string =>
  tensors(inputs(random).with(at, input))

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
  random() < 0.5 ? ofRows(goodRows(random), headers) : ofTensors(goodTensors(random), headers)

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
  const [before, after] = withCell(random, 3, '"DTW"').split("DTW")
  const wrong = pick(random, [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xfe]])
  return new Uint8Array(
    Buffer.concat([Buffer.from(`${before}D`), Buffer.from(wrong), Buffer.from(after ?? "")]),
  )
}

const longer = (characters: number): string => "x".repeat(characters + 1)
const parameters = (random: Random, entries: ReadonlyArray<string>): string =>
  goodTensors(random, `,"parameters":{${entries.join(",")}}`)

/** One more than each limit; `bytesMax` is that of a request. */
const overLimits = (bytesMax: number): ReadonlyArray<(random: Random) => BadBody> => [
  (random) => ofRows(goodRows(random).padEnd(bytesMax + 1)),
  (random) => ofTensors(goodTensors(random).padEnd(bytesMax + 1)),
  // A float takes two characters in JSON, and four bytes as it is published.
  (random) =>
    ofTensors(
      withInput(
        random,
        0,
        tensor(0, `[${Array(bytesMax / 4 + 1).fill(0)}]`, `[${bytesMax / 4 + 1},1]`),
      ),
    ),
  (random) =>
    ofTensors(tensors(Array.from({ length: TENSORS_MAX + 1 }, () => inputs(random)[0] ?? ""))),
  (random) =>
    ofTensors(withInput(random, 0, tensor(0, "[1]", `[${Array(DIMENSIONS_MAX + 1).fill(1)}]`))),
  (random) =>
    ofTensors(
      withInput(
        random,
        0,
        inputs(random)[0]?.replace("distance", longer(TENSOR_NAME_MAX_CHARACTERS)) ?? "",
      ),
    ),
  (random) => ofTensors(goodTensors(random, `,"id":"${longer(CLIENT_ID_MAX_CHARACTERS)}"`)),
  (random) =>
    ofTensors(
      parameters(
        random,
        Array.from({ length: PARAMETERS_MAX + 1 }, (_, at) => `"p${at}":1`),
      ),
    ),
  (random) => ofTensors(parameters(random, [`"a":"${longer(PARAMETER_MAX_CHARACTERS)}"`])),
  (random) => ofTensors(parameters(random, [`"${longer(PARAMETER_MAX_CHARACTERS)}":1`])),
  (random) => ofTensors(parameters(random, [`"timeout":${TIMEOUT_MAX_MILLIS * 1_000 + 1}`])),
  (random) => either(random, { "weir-timeout-ms": `${TIMEOUT_MAX_MILLIS + 1}` }),
  (random) => either(random, { "idempotency-key": longer(KEY_MAX_CHARACTERS) }),
  (random) => either(random, { "weir-version": longer(NAME_MAX_CHARACTERS) }),
  (random) => ({
    path: `/predict?model=${longer(NAME_MAX_CHARACTERS)}`,
    body: goodRows(random),
    headers: {},
  }),
]

const badTypes: ReadonlyArray<(random: Random) => BadBody> = [
  (random) => {
    const at = whole(random, 5)
    return ofRows(withCell(random, at, wrongCell(random, at)))
  },
  (random) => {
    const at = whole(random, 5)
    // One value in a list of its own is nested data, and right.
    const cell = wrongCell(random, at).replace(/^\[.+\]$/, "{}")
    return ofTensors(withInput(random, at, tensor(at, `[${cell}]`)))
  },
  (random) => ofRows(pick(random, WORDS)),
  (random) => ofTensors(pick(random, WORDS)),
  (random) => ofRows(`{"data":[${pick(random, WORDS)}]}`),
  (random) => ofTensors(withInput(random, whole(random, 5), pick(random, WORDS))),
  (random) => ofTensors(`{"inputs":${pick(random, WORDS)}}`),
  (random) =>
    ofTensors(
      goodTensors(random, `,"outputs":${pick(random, ['"x"', "7", "[1]", '[{"name":"no"}]'])}`),
    ),
  (random) =>
    ofTensors(
      goodTensors(random, `,"parameters":${pick(random, ['"x"', "7", '{"a":{}}', '{"a":[1]}'])}`),
    ),
]

const badShapes: ReadonlyArray<(random: Random) => BadBody> = [
  (random) => ofRows(rows(...cells(random).slice(0, whole(random, 5)))),
  (random) => ofRows(rows(...cells(random), ...Array<string>(1 + whole(random, 9)).fill("0"))),
  (random) => ofTensors(tensors(inputs(random).toSpliced(whole(random, 5), 1))),
  (random) => ofTensors(tensors([...inputs(random), inputs(random)[whole(random, 5)] ?? ""])),
  (random) => {
    const at = whole(random, 5)
    return ofTensors(
      withInput(random, at, tensor(at, `[${cells(random)[at]}]`, pick(random, SHAPES))),
    )
  },
  (random) => {
    const at = whole(random, 5)
    const data = Array<string>(2 + whole(random, 9)).fill(cells(random)[at] ?? "")
    return ofTensors(withInput(random, at, tensor(at, `[${data}]`)))
  },
]

const cut = (random: Random, text: string): string => text.slice(0, whole(random, text.length))

const badText: ReadonlyArray<(random: Random) => BadBody> = [
  (random) => ofRows(withCell(random, whole(random, 5), pick(random, NO_JSON_NUMBERS))),
  (random) => ofTensors(withInput(random, 0, tensor(0, `[${pick(random, NO_JSON_NUMBERS)}]`))),
  (random) => ofRows(withCell(random, whole(random, 3), pick(random, INFINITE))),
  (random) => ofTensors(withInput(random, 0, tensor(0, `[${pick(random, INFINITE)}]`))),
  (random) => ofRows(withCell(random, 3 + whole(random, 2), pick(random, SURROGATES))),
  (random) => ofTensors(withInput(random, 3, tensor(3, `[${pick(random, SURROGATES)}]`))),
  (random) => ofTensors(goodTensors(random, `,"id":${pick(random, SURROGATES)}`)),
  (random) => ofRows(cut(random, goodRows(random))),
  (random) => ofTensors(cut(random, goodTensors(random))),
  (random) => ofRows(broken(random)),
  (random) => ofRows(nested(random)),
  (random) => ofRows(withCell(random, whole(random, 5), nested(random))),
  (random) => ofTensors(withInput(random, 0, tensor(0, nested(random)))),
]

const badKeys: ReadonlyArray<(random: Random) => BadBody> = [
  (random) => ofRows(`{"data":[[${cells(random)}]],"data":[[${cells(random)}]]}`),
  (random) =>
    ofTensors(withInput(random, 0, tensor(0, "[1]", "[1,1]", `,"data":[${whole(random, 99)}]`))),
  (random) => ofTensors(goodTensors(random, `,"inputs":[${inputs(random)}]`)),
  (random) => ofTensors(parameters(random, ['"a":1', '"a":2'])),
  (random) => ofTensors(parameters(random, ['"__proto__":{"timeout":1}'])),
  (random) => ofTensors(parameters(random, ['"__proto__":1'])),
  (random) => ofRows(`{"__proto__":${goodRows(random)}}`),
  (random) => ofTensors(`{"__proto__":${goodTensors(random)}}`),
  (random) => {
    const members = FEATURES.map((name, at) => `"${name}":${cells(random)[at]}`)
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
  (random) =>
    ofRows(new Uint8Array(Bun.gzipSync(Buffer.from(goodRows(random)))).subarray(0, -9), {
      "content-encoding": "gzip",
    }),
  (random) => ofRows(new Uint8Array(Bun.gzipSync(Buffer.from(goodRows(random))))),
  (random) => either(random, { "content-encoding": pick(random, ["br", "zstd", "gzip, gzip"]) }),
  (random) => either(random, { "weir-timeout-ms": pick(random, ["0", "-1", "1e3", "x", "0.5"]) }),
  (random) => either(random, { "weir-version": pick(random, ["9", "a b", "../1", "1.0"]) }),
  (random) => ({
    path: `/predict?${pick(random, ["modle=x", "model=a&model=b", "version=%zz"])}`,
    body: goodRows(random),
    headers: {},
  }),
  (random) => ({
    path: `/v2/models/${pick(random, ["%E0%A4%A", "none", "a%2Fb"])}/infer`,
    body: goodTensors(random),
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
