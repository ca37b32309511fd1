// A model's `config.pbtxt`, as Triton reads it: what of it shapes batches and waits is taken over,
// what describes tensors is held against the model itself, what has no effect here is passed over
// by name, and what would change answers is refused by name. Nothing is guessed.
import type { ServingConfig } from "#proto/serving-config"
import type { Signature, TensorSpec } from "#proto/signature"
import { parseTextFormat, TextFormatFault, type TextField, type TextValue } from "./text-format.ts"

export const CONFIG_FILE = "config.pbtxt"
export const CONFIG_BYTES_MAX = 1024 ** 2

/** Of the whole configuration: what concerns how Triton runs a model, not what it answers. */
export const IGNORED_FIELDS = [
  "instance_group",
  "metric_tags",
  "model_metrics",
  "model_transaction_policy",
  "model_warmup",
  "optimization",
  "parameters",
  "version_policy",
] as const
/** Of a tensor, and of batching and its queue. */
const IGNORED_OF_TENSOR = ["format", "label_filename", "optional"]
const IGNORED_OF_BATCHING = ["preserve_ordering"]
const IGNORED_OF_QUEUE = ["allow_timeout_override", "max_queue_size"]

const PLATFORM = "onnxruntime_onnx"
const BACKEND = "onnxruntime"
const MODEL_FILE = "model.onnx"

export interface DeclaredTensor {
  readonly line: number
  readonly name: string
  /** In the words of the protocol; absent when it is not told. */
  readonly datatype: string | undefined
  /** Without the batch's dimension where there is one. */
  readonly dims: ReadonlyArray<number> | undefined
}

export interface ModelConfigFile {
  readonly config: ServingConfig
  readonly inputs: ReadonlyArray<DeclaredTensor>
  readonly outputs: ReadonlyArray<DeclaredTensor>
}

export interface ConfigRefusal {
  readonly refused: string
}

class Refused extends Error {}

const refused = ({ line, name }: TextField, expected: string, got: string): Refused =>
  new Refused(`line ${line}: ${name}: expected ${expected}, got ${got}`)

const shown = (value: TextValue): string => {
  switch (value.kind) {
    case "text":
      return JSON.stringify(value.text.slice(0, 80))
    case "number":
      return `${value.number}`
    case "word":
      return value.word.slice(0, 80)
    case "message":
      return "a message"
  }
}

const wholeOf = (field: TextField, least: number): number => {
  const { value } = field
  if (value.kind === "number" && Number.isSafeInteger(value.number) && value.number >= least)
    return value.number
  throw refused(field, `a whole number from ${least}`, shown(value))
}
const textOf = (field: TextField): string => {
  if (field.value.kind === "text") return field.value.text
  throw refused(field, "a text in quotation marks", shown(field.value))
}
const fieldsOf = (field: TextField): ReadonlyArray<TextField> => {
  if (field.value.kind === "message") return field.value.fields
  throw refused(field, "a message in braces", shown(field.value))
}
const fixed = (field: TextField, ...expected: ReadonlyArray<string>): void => {
  const { value } = field
  const got = value.kind === "text" ? value.text : shown(value)
  if (!expected.includes(got))
    throw refused(field, expected.map((one) => `"${one}"`).join(" or "), shown(value))
}

type Readers = Readonly<Record<string, (field: TextField) => void>>

const unsupported = (field: TextField): never => {
  throw new Refused(`line ${field.line}: ${field.name}: it is not supported`)
}

/** Fields that are lists; of any other a second one is refused: which of the two was meant? */
const REPEATED: ReadonlySet<string> = new Set([
  "dims",
  "input",
  "output",
  "preferred_batch_size",
  "shape",
])

/** Calls the reader of each field; what there is none for is refused, unless it is ignored. */
const readFields = (
  fields: ReadonlyArray<TextField>,
  readers: Readers,
  ignored: ReadonlyArray<string>,
): void => {
  const lines = new Map<string, number>()
  for (const field of fields) {
    const first = lines.get(field.name)
    lines.set(field.name, field.line)
    if (ignored.includes(field.name)) continue
    const read = Object.hasOwn(readers, field.name) ? readers[field.name] : undefined
    if (read === undefined) throw new Refused(`line ${field.line}: ${field.name}: unknown field`)
    if (first !== undefined && !REPEATED.has(field.name))
      throw refused(field, "it once", `it in line ${first} too`)
    read(field)
  }
}

const DATA_TYPES = /^TYPE_(BOOL|U?INT(?:8|16|32|64)|FP(?:16|32|64)|STRING)$/

const datatypeOf = (field: TextField): string => {
  const word = field.value.kind === "word" ? field.value.word : ""
  const type = DATA_TYPES.exec(word)?.[1]
  if (type === undefined) throw refused(field, "a TYPE_ that is served here", shown(field.value))
  return type === "STRING" ? "BYTES" : type
}

const readTensor = (field: TextField): DeclaredTensor => {
  const { line } = field
  let name: string | undefined
  let datatype: string | undefined
  const dims: Array<number> = []
  let reshaped: Array<number> | undefined
  const mustBeFalse = (one: TextField) => fixed(one, "false")
  readFields(
    fieldsOf(field),
    {
      name: (one) => void (name = textOf(one)),
      data_type: (one) => void (datatype = datatypeOf(one)),
      dims: (one) => void dims.push(wholeOf(one, -1)),
      reshape: (one) => {
        const shape = fieldsOf(one)
        reshaped = []
        readFields(shape, { shape: (part) => void reshaped?.push(wholeOf(part, -1)) }, [])
      },
      is_shape_tensor: mustBeFalse,
      allow_ragged_batch: mustBeFalse,
      is_non_linear_format_io: mustBeFalse,
    },
    IGNORED_OF_TENSOR,
  )
  if (name === undefined) throw refused(field, "a name", "none")
  return { line, name, datatype, dims: reshaped ?? (dims.length === 0 ? undefined : dims) }
}

interface Draft {
  preferred: Array<number>
  config: { -readonly [Field in keyof ServingConfig]: ServingConfig[Field] }
}

const readQueue = (field: TextField, { config }: Draft): void =>
  readFields(
    fieldsOf(field),
    {
      timeout_action: (one) => fixed(one, "REJECT"),
      default_timeout_microseconds: (one) => {
        const micros = wholeOf(one, 0)
        if (micros > 0) config.timeoutMicros = micros
      },
    },
    IGNORED_OF_QUEUE,
  )

const readBatching = (field: TextField, draft: Draft): void =>
  readFields(
    fieldsOf(field),
    {
      preferred_batch_size: (one) => void draft.preferred.push(wholeOf(one, 1)),
      max_queue_delay_microseconds: (one) => void (draft.config.queueDelayMicros = wholeOf(one, 0)),
      priority_levels: (one) => {
        const levels = wholeOf(one, 0)
        if (levels > 0) draft.config.priorityLevels = levels
      },
      default_priority_level: (one) => {
        const level = wholeOf(one, 0)
        if (level > 0) draft.config.defaultPriority = level
      },
      default_queue_policy: (one) => readQueue(one, draft),
      priority_queue_policy: unsupported,
    },
    IGNORED_OF_BATCHING,
  )

const readAll = (fields: ReadonlyArray<TextField>, model: string): ModelConfigFile => {
  const draft: Draft = { preferred: [], config: {} }
  const { config, preferred } = draft
  const inputs: Array<DeclaredTensor> = []
  const outputs: Array<DeclaredTensor> = []
  readFields(
    fields,
    {
      name: (one) => fixed(one, model),
      platform: (one) => fixed(one, PLATFORM, ""),
      backend: (one) => fixed(one, BACKEND, ""),
      runtime: (one) => fixed(one, BACKEND, ""),
      default_model_filename: (one) => fixed(one, MODEL_FILE, ""),
      max_batch_size: (one) => void (config.maxBatchSize = wholeOf(one, 0)),
      input: (one) => void inputs.push(readTensor(one)),
      output: (one) => void outputs.push(readTensor(one)),
      dynamic_batching: (one) => readBatching(one, draft),
      batch_input: unsupported,
      batch_output: unsupported,
      cc_model_filenames: unsupported,
      ensemble_scheduling: unsupported,
      model_operations: unsupported,
      model_repository_agents: unsupported,
      response_cache: unsupported,
      sequence_batching: unsupported,
    },
    IGNORED_FIELDS,
  )
  if (preferred.length > 0) config.preferredBatchSizes = preferred.toSorted((a, b) => a - b)
  const most = config.maxBatchSize ?? Number.POSITIVE_INFINITY
  const above = preferred.find((size) => size > most)
  if (above !== undefined)
    throw new Refused(
      `preferred_batch_size: expected at most ${most} (max_batch_size), got ${above}`,
    )
  const { defaultPriority: level = 0, priorityLevels: levels = 0 } = config
  if (level > levels)
    throw new Refused(`default_priority_level: expected at most ${levels}, got ${level}`)
  return { config, inputs, outputs }
}

/** Reads the file of a model; a refusal names the line. */
export const parseModelConfig = (text: string, model: string): ModelConfigFile | ConfigRefusal => {
  try {
    return readAll(parseTextFormat(text), model)
  } catch (cause) {
    if (cause instanceof Refused || cause instanceof TextFormatFault)
      return { refused: cause.message }
    throw cause
  }
}

const sameDims = (declared: ReadonlyArray<number>, found: ReadonlyArray<number>): boolean =>
  declared.length === found.length &&
  declared.every((size, at) => size === found[at] || size === -1 || found[at] === -1)

const tensorFault = (
  what: "input" | "output",
  { line, name, datatype, dims }: DeclaredTensor,
  specs: ReadonlyArray<TensorSpec>,
  batched: boolean | undefined,
): string | undefined => {
  const spec = specs.find((one) => one.name === name)
  const at = `line ${line}: ${what} "${name}"`
  if (spec === undefined)
    return `${at}: the model has none of that name, but ${specs.map((one) => one.name).join(", ")}`
  if (datatype !== undefined && datatype !== spec.datatype)
    return `${at}: expected the model's ${spec.datatype}, got ${datatype}`
  // Where the file does not say whether it batches, it may be written either way.
  const hasBatch = batched ?? dims?.length !== spec.shape.length
  const shape = hasBatch ? spec.shape.slice(1) : spec.shape
  // A tensor of one number a row has no further dimension here, and [1] in the file.
  const found = shape.length === 0 && dims?.length === 1 && dims[0] === 1 ? [1] : shape
  if (dims !== undefined && !sameDims(dims, found))
    return `${at}: expected the model's dims [${shape.join(", ")}], got [${dims.join(", ")}]`
  return undefined
}

/** What of the file contradicts the model. */
export const modelConfigFault = (
  { config, inputs, outputs }: ModelConfigFile,
  signature: Signature,
): string | undefined => {
  const batched = config.maxBatchSize === undefined ? undefined : config.maxBatchSize > 0
  const rigid = batched === true ? signature.inputs.find(({ shape }) => shape[0] !== -1) : undefined
  if (rigid !== undefined)
    return `max_batch_size: expected 0, since the rows of input "${rigid.name}" are fixed`
  const faults = [
    ...inputs.map((one) => tensorFault("input", one, signature.inputs, batched)),
    ...outputs.map((one) => tensorFault("output", one, signature.outputs, batched)),
  ]
  const fault = faults.find((one) => one !== undefined)
  if (fault !== undefined || inputs.length === 0) return fault
  const missing = signature.inputs.find(({ name }) => !inputs.some((one) => one.name === name))
  return missing === undefined ? undefined : `input "${missing.name}" of the model is not declared`
}
