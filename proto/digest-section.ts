// What docs/contracts.md says of the digest of a request: the bytes that are hashed, in words and
// by an example that a test computes from the page alone.
import { requestDigest } from "./digest.ts"
import type { InferenceRequest } from "./request.ts"

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"))

const MODEL = "flights"
const VERSION = "1"
const request: InferenceRequest = {
  clientId: "does not count",
  inputs: [
    { name: "origin", datatype: "BYTES", shape: [1, 1], data: bytesOf("030000004a464b") },
    { name: "distance", datatype: "FP32", shape: [1, 1], data: bytesOf("00001644") },
  ],
  outputs: ["label"],
  parameters: { priority: 3 },
}
/** Written by hand, so that the example says more than that a program agrees with itself. */
const HEAD = '["flights","1",[["distance","FP32",[1,1],4],["origin","BYTES",[1,1],7]],["label"]]'
const DATA = "00001644 030000004a464b"

const WORDS = [
  "`Weir-Digest` is the SHA-256, in 64 lower-case hexadecimal digits, of these bytes: the head,",
  "then the data of each input tensor in the order of the head, with nothing in between. The head",
  "is this JSON in UTF-8, without white space:",
].join(" ")
const FORM = "[model, version, [[name, datatype, shape, bytes], …], outputs]"
const RULES = [
  "- `model` is the name with its points, not the token of the subject.",
  "- `version` is the version that the request pins (`Weir-Version`, or the address), as a text; " +
    "`null` where it pins none.",
  "- The inputs are in the order of their names, compared by UTF-16 code units (by bytes, where " +
    "all are ASCII). `shape` is a list of whole numbers, `bytes` the length of the tensor's data.",
  "- The data is as in Tensors below, whatever the request was written in: little-endian " +
    "elements, each text of `BYTES` behind its length. Rows count as the tensors that they become.",
  "- `outputs` is the list of requested outputs in the order of the request; `null` where the " +
    "request has none, which is not the same as an empty list.",
  '- In texts `"` and `\\` have a backslash in front, the characters 08, 09, 0A, 0C, 0D are ' +
    "`\\b`, `\\t`, `\\n`, `\\f`, `\\r`, others below 20 `\\u00xx` in lower case; all else stands " +
    "as it is.",
  "- The caller's own `id` and `parameters` do not count, nor do headers besides `Weir-Version`.",
  "- A producer may leave it out: the predictor computes it then. One that was sent is taken as " +
    "it is, and an idempotency key that is used again is judged by it.",
].join("\n")

export const digestSection = (): ReadonlyArray<string> => [
  "## The digest of a request",
  WORDS,
  ["```text", FORM, "```"].join("\n"),
  RULES,
  "Example, a pinned version, two inputs given in the other order, one requested output: the head,",
  ["```text", HEAD, "```"].join("\n"),
  "the data of `distance` (600) and `origin` (JFK) in hexadecimal,",
  ["```text", DATA, "```"].join("\n"),
  "and the digest:",
  ["```text", requestDigest(MODEL, VERSION, request), "```"].join("\n"),
]
