// The calls about a server and its models: health, metadata, configuration, statistics and the
// repository.
import type { Body } from "./infer-body.ts"
import { InferenceError } from "./error.ts"
import { parseJson } from "./json-text.ts"
import type { Parameters } from "./tensor.ts"
import {
  modelConfig,
  type ModelConfig,
  modelMetadata,
  type ModelMetadata,
  modelStatistics,
  type ModelVersionStatistics,
  repositoryIndex,
  type RepositoryEntry,
  serverMetadata,
  type ServerMetadata,
} from "./server-facts.ts"
import type { Transport } from "./transport.ts"

export interface CallOptions {
  /** Of the whole call with its retries. */
  readonly timeoutMillis?: number | undefined
  readonly signal?: AbortSignal | undefined
}
export interface VersionOptions extends CallOptions {
  /** Of the model; default the one that the server serves. */
  readonly version?: string | undefined
}

const TIMEOUT_MILLIS = 30_000
/** A load waits until the model can answer. */
const LOAD_TIMEOUT_MILLIS = 120_000

export const modelPath = (model: string, version?: string): string =>
  `/v2/models/${encodeURIComponent(model)}${
    version === undefined ? "" : `/versions/${encodeURIComponent(version)}`
  }`

const DOOR: ReadonlySet<number> = new Set([401, 403, 429])
const encoder = new TextEncoder()
const utf8 = new TextDecoder()
const jsonBody = (value: unknown): Body => ({
  bytes: encoder.encode(JSON.stringify(value)),
  headers: { "content-type": "application/json" },
})

export class ServerCalls {
  readonly #transport: Transport

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /** Whether the server says that it lives; rejects where nothing answers. */
  live(options: CallOptions = {}): Promise<boolean> {
    return this.#says("/v2/health/live", options)
  }

  /** Whether the server can answer. */
  ready(options: CallOptions = {}): Promise<boolean> {
    return this.#says("/v2/health/ready", options)
  }

  /** Whether the model can answer; false too for a model that is not known. */
  modelReady(model: string, options: VersionOptions = {}): Promise<boolean> {
    return this.#says(`${modelPath(model, options.version)}/ready`, options)
  }

  async server(options: CallOptions = {}): Promise<ServerMetadata> {
    return serverMetadata(await this.#get("/v2", options))
  }

  async metadata(model: string, options: VersionOptions = {}): Promise<ModelMetadata> {
    return modelMetadata(await this.#get(modelPath(model, options.version), options))
  }

  async config(model: string, options: VersionOptions = {}): Promise<ModelConfig> {
    return modelConfig(await this.#get(`${modelPath(model, options.version)}/config`, options))
  }

  /** Of all models, or of one. */
  async statistics(
    model?: string,
    options: VersionOptions = {},
  ): Promise<ReadonlyArray<ModelVersionStatistics>> {
    const path = model === undefined ? "/v2/models" : modelPath(model, options.version)
    return modelStatistics(await this.#get(`${path}/stats`, options))
  }

  /** Every version of every model, or those alone that are ready. */
  async index(
    options: CallOptions & { readonly ready?: boolean } = {},
  ): Promise<ReadonlyArray<RepositoryEntry>> {
    const { ready } = options
    const body = ready === undefined ? {} : { ready }
    return repositoryIndex(await this.#post("/v2/repository/index", body, options))
  }

  /** Resolves when the server says that the model is loaded. */
  async load(
    model: string,
    options: CallOptions & { readonly parameters?: Parameters } = {},
  ): Promise<void> {
    await this.#command(model, "load", options)
  }

  async unload(
    model: string,
    options: CallOptions & { readonly parameters?: Parameters } = {},
  ): Promise<void> {
    await this.#command(model, "unload", options)
  }

  async #command(
    model: string,
    verb: "load" | "unload",
    options: CallOptions & { readonly parameters?: Parameters },
  ): Promise<void> {
    const { parameters } = options
    const path = `/v2/repository/models/${encodeURIComponent(model)}/${verb}`
    const body = parameters === undefined ? {} : { parameters }
    await this.#post(path, body, { timeoutMillis: LOAD_TIMEOUT_MILLIS, ...options })
  }

  async #get(path: string, options: CallOptions): Promise<unknown> {
    const { timeoutMillis = TIMEOUT_MILLIS, signal } = options
    const answer = await this.#transport.send({ method: "GET", path, timeoutMillis, signal })
    return parseJson(utf8.decode(answer.bytes))
  }

  async #post(path: string, value: unknown, options: CallOptions): Promise<unknown> {
    const { timeoutMillis = TIMEOUT_MILLIS, signal } = options
    const call = { method: "POST", path, body: jsonBody(value), timeoutMillis, signal } as const
    const { bytes } = await this.#transport.send(call)
    // Servers answer a load with an empty body, or an empty object.
    return bytes.byteLength === 0 ? {} : parseJson(utf8.decode(bytes))
  }

  async #says(path: string, options: CallOptions): Promise<boolean> {
    const { timeoutMillis = TIMEOUT_MILLIS, signal } = options
    try {
      await this.#transport.send({ method: "GET", path, timeoutMillis, signal, triesMax: 1 })
      return true
    } catch (error) {
      // A key that is not taken says nothing about health.
      if (!(error instanceof InferenceError) || DOOR.has(error.status)) throw error
      if (error.status < 400) throw error
      return false
    }
  }
}
