// A gRPC client for the tests of this folder. Its messages are written and read by another library
// than ours, from the files in proto/grpc: what both understand, other clients do as well.
import { join } from "node:path"
import {
  Client,
  credentials,
  Metadata,
  type ClientDuplexStream,
  type MethodDefinition,
  type ServiceError,
  type status,
} from "@grpc/grpc-js"
import { loadSync } from "@grpc/proto-loader"

const FOLDER = join(import.meta.dir, "..", "..", "proto", "grpc")
const definitions = loadSync(["inference.proto", "health.proto"], {
  includeDirs: [FOLDER],
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
})

export const INFERENCE = "inference.GRPCInferenceService"
export const HEALTH = "grpc.health.v1.Health"

export type Fields = Readonly<Record<string, unknown>>

const isMethod = (value: unknown): value is MethodDefinition<object, object> =>
  typeof value === "object" && value !== null && "requestSerialize" in value

/** A method as the files define it. */
export const methodOf = (service: string, name: string): MethodDefinition<object, object> => {
  const found = Object.entries(definitions[service] ?? {}).find(([key]) => key === name)?.[1]
  if (!isMethod(found)) throw new Error(`no method ${name} in ${service}`)
  return found
}

export interface Ended {
  readonly code: status
  readonly details: string
  readonly message: Fields
  /** Of the trailing metadata. */
  readonly trailer: (name: string) => string | undefined
}

export interface CallOptions {
  readonly metadata?: Readonly<Record<string, string>>
  readonly timeoutMillis?: number
  readonly signal?: AbortSignal
}

const metadataWith = (values: Readonly<Record<string, string>> = {}): Metadata => {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(values)) metadata.set(name, value)
  return metadata
}

const deadlineOf = ({ timeoutMillis }: CallOptions) =>
  timeoutMillis === undefined ? {} : { deadline: Date.now() + timeoutMillis }

const asIs = (bytes: Buffer): Buffer => bytes

export class TestClient {
  readonly #client: Client

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      "grpc.max_receive_message_length": -1,
    })
  }

  /** Any method of the inference service, or one of another given as `service/name`. */
  call(name: string, request: object = {}, options: CallOptions = {}): Promise<Ended> {
    const [service = "", method = ""] = name.includes("/") ? name.split("/") : [INFERENCE, name]
    const { path, requestSerialize, responseDeserialize } = methodOf(service, method)
    const read = (bytes: Buffer): Fields => ({ ...responseDeserialize(bytes) })
    return this.#send(path, requestSerialize(request), read, options)
  }

  /** Bytes that need not be a message. */
  sendBytes(path: string, bytes: Buffer, options: CallOptions = {}): Promise<Ended> {
    return this.#send(path, bytes, () => ({}), options)
  }

  stream(options: CallOptions = {}): ClientDuplexStream<object, Fields> {
    const { path, requestSerialize, responseDeserialize } = methodOf(INFERENCE, "ModelStreamInfer")
    const read = (bytes: Buffer): Fields => ({ ...responseDeserialize(bytes) })
    const metadata = metadataWith(options.metadata)
    const more = deadlineOf(options)
    return this.#client.makeBidiStreamRequest(path, requestSerialize, read, metadata, more)
  }

  /** A stream of bytes that need not be messages. */
  streamOfBytes(): ClientDuplexStream<Buffer, Buffer> {
    const { path } = methodOf(INFERENCE, "ModelStreamInfer")
    return this.#client.makeBidiStreamRequest(path, asIs, asIs, new Metadata(), {})
  }

  watch(request: object) {
    const { path, requestSerialize, responseDeserialize } = methodOf(HEALTH, "Watch")
    const read = (bytes: Buffer): Fields => ({ ...responseDeserialize(bytes) })
    return this.#client.makeServerStreamRequest(path, requestSerialize, read, request)
  }

  close(): void {
    this.#client.close()
  }

  #send(
    path: string,
    bytes: Buffer,
    read: (bytes: Buffer) => Fields,
    options: CallOptions,
  ): Promise<Ended> {
    const { promise, resolve } = Promise.withResolvers<Ended>()
    let failure: ServiceError | undefined
    let message: Fields = {}
    const call = this.#client.makeUnaryRequest(
      path,
      asIs,
      read,
      bytes,
      metadataWith(options.metadata),
      deadlineOf(options),
      (error, answer) => {
        failure = error ?? undefined
        message = answer ?? {}
      },
    )
    call.on("status", ({ code, details, metadata }) => {
      const trailer = (name: string) => metadata.get(name)[0]?.toString()
      // The callback comes first or right behind.
      queueMicrotask(() =>
        resolve({ code, details: failure?.details ?? details, message, trailer }),
      )
    })
    options.signal?.addEventListener("abort", () => call.cancel())
    return promise
  }
}

/** The entries of a list in a message. */
export const listOf = (message: unknown, name: string): ReadonlyArray<Fields> => {
  const list: unknown =
    typeof message === "object" && message !== null && name in message
      ? Object.entries(message).find(([key]) => key === name)?.[1]
      : undefined
  return Array.isArray(list)
    ? list.map((one: unknown) => (one instanceof Object ? { ...one } : {}))
    : []
}

const words = (bytes: string) => {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes.length)
  return Buffer.concat([length, Buffer.from(bytes)])
}

const input = (name: string, datatype: string) => ({ name, datatype, shape: [1, 1] })

/** The flights of a test system, raw and typed: the request that is `TENSORS` in JSON. */
export const flight = {
  model_name: "flights",
  id: "mine",
  inputs: [
    input("distance", "FP32"),
    input("hour", "INT64"),
    input("weekday", "INT64"),
    input("origin", "BYTES"),
    input("destination", "BYTES"),
  ],
  raw_input_contents: [
    Buffer.from(Float32Array.of(1750).buffer),
    Buffer.alloc(8),
    Buffer.alloc(8),
    words("DTW"),
    words("LAS"),
  ],
}
export const typedFlight = {
  ...flight,
  raw_input_contents: [],
  inputs: [
    { ...input("distance", "FP32"), contents: { fp32_contents: [1750] } },
    { ...input("hour", "INT64"), contents: { int64_contents: [0] } },
    { ...input("weekday", "INT64"), contents: { int64_contents: [0] } },
    { ...input("origin", "BYTES"), contents: { bytes_contents: [Buffer.from("DTW")] } },
    { ...input("destination", "BYTES"), contents: { bytes_contents: [Buffer.from("LAS")] } },
  ],
}
