// What the gRPC server says of itself and its models, every datatype, and who may ask, against a
// real gateway, predictor and server.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { status } from "@grpc/grpc-js"
import { changeAccess } from "#core/access/key-facts"
import { newKey, Pepper } from "#core/access/secrets"
import type { Scope } from "#proto/access"
import { DATATYPES, ELEMENT_BYTES, type Datatype } from "#proto/tensor"
import { importDatatypes } from "../inference/test-datatypes.ts"
import { startTestSystem, type TestGateway, type TestSystem } from "../test-system.ts"
import { until } from "../../test/support/eventually.ts"
import { flight, HEALTH, listOf, TestClient, type Ended, type Fields } from "./test-client.ts"

const START_MILLIS = 60_000
setDefaultTimeout(START_MILLIS)
const PEPPER = "the pepper of these tests"
const pepper = new Pepper(PEPPER)

let system: TestSystem
let gateway: TestGateway
let client: TestClient

beforeAll(async () => {
  system = await startTestSystem({ WEIR_KEY_PEPPER: PEPPER })
  await importDatatypes(system)
  await system.startPredictor()
  gateway = await system.startGateway({ WEIR_GRPC_PORT: "0" })
  client = new TestClient(gateway.grpcAddress ?? "")
  await until(
    "it is ready",
    async () => (await client.call("ServerReady")).message["ready"] === true,
  )
}, START_MILLIS)
afterAll(async () => {
  client.close()
  await system.stop()
}, START_MILLIS)

const toldOf = ({ code, trailer }: Ended) => [code, trailer("weir-code")]

describe("every datatype", () => {
  /** Two small values and a larger one, as the field of typed contents that holds them. */
  const TYPED: Readonly<Record<Exclude<Datatype, "FP16">, Fields>> = {
    BOOL: { bool_contents: [true, false, true] },
    UINT8: { uint_contents: [0, 1, 255] },
    UINT16: { uint_contents: [0, 1, 65_535] },
    UINT32: { uint_contents: [0, 1, 4_294_967_295] },
    UINT64: { uint64_contents: ["0", "1", "18446744073709551615"] },
    INT8: { int_contents: [0, -128, 127] },
    INT16: { int_contents: [0, -32_768, 32_767] },
    INT32: { int_contents: [0, -2_147_483_648, 2_147_483_647] },
    INT64: { int64_contents: ["9007199254740993", "-9223372036854775808", "-1"] },
    FP32: { fp32_contents: [0.5, -1.25, 3e10] },
    FP64: { fp64_contents: [0.1, -1e300, 3] },
    BYTES: { bytes_contents: [Buffer.from("a"), Buffer.from(""), Buffer.from("é")] },
  }
  const text = (value: string) => {
    const bytes = Buffer.from(value)
    const length = Buffer.alloc(4)
    length.writeUInt32LE(bytes.byteLength)
    return Buffer.concat([length, bytes])
  }
  const bytesOf = (array: { readonly buffer: ArrayBufferLike }) => Buffer.from(array.buffer)
  /** The same as bytes, written down a second time. */
  const RAW: Readonly<Record<Exclude<Datatype, "FP16">, Buffer>> = {
    BOOL: Buffer.from([1, 0, 1]),
    UINT8: Buffer.from([0, 1, 255]),
    UINT16: bytesOf(Uint16Array.of(0, 1, 65_535)),
    UINT32: bytesOf(Uint32Array.of(0, 1, 4_294_967_295)),
    UINT64: bytesOf(BigUint64Array.of(0n, 1n, 18_446_744_073_709_551_615n)),
    INT8: bytesOf(Int8Array.of(0, -128, 127)),
    INT16: bytesOf(Int16Array.of(0, -32_768, 32_767)),
    INT32: bytesOf(Int32Array.of(0, -2_147_483_648, 2_147_483_647)),
    INT64: bytesOf(BigInt64Array.of(9_007_199_254_740_993n, -9_223_372_036_854_775_808n, -1n)),
    FP32: bytesOf(Float32Array.of(0.5, -1.25, 3e10)),
    FP64: bytesOf(Float64Array.of(0.1, -1e300, 3)),
    BYTES: Buffer.concat([text("a"), text(""), text("é")]),
  }
  const requestOf = (datatype: Datatype, contents: object, raw: ReadonlyArray<Buffer>) => ({
    model_name: datatype,
    inputs: [{ name: "x", datatype, shape: [1, 3], ...contents }],
    raw_input_contents: raw,
  })
  const answered = async (request: object) => {
    const { code, details, message } = await client.call("ModelInfer", request)
    expect([code, details]).toEqual([status.OK, "OK"])
    const all: unknown = message["raw_output_contents"]
    return Array.isArray(all) ? Buffer.from(all[0]) : undefined
  }

  test.each(DATATYPES.filter((one) => one !== "FP16"))("%s, raw and typed", async (datatype) => {
    expect(await answered(requestOf(datatype, {}, [RAW[datatype]]))).toEqual(RAW[datatype])
    const typed = requestOf(datatype, { contents: TYPED[datatype] }, [])
    expect(await answered(typed)).toEqual(RAW[datatype])
  })

  test("FP16, which has no typed contents", async () => {
    const halves = bytesOf(Float16Array.of(0.5, -2, 3))
    expect(halves.byteLength).toBe(3 * ELEMENT_BYTES.FP16)
    expect(await answered(requestOf("FP16", {}, [halves]))).toEqual(halves)
    const typed = requestOf("FP16", { contents: { fp32_contents: [1, 2, 3] } }, [])
    const { code, details } = await client.call("ModelInfer", typed)
    expect([code, details]).toEqual([
      status.INVALID_ARGUMENT,
      "inputs[0].contents: expected raw_input_contents for FP16, got typed contents",
    ])
  })

  test("a value that its datatype cannot hold is refused, not cut", async () => {
    const request = requestOf("INT8", { contents: { int_contents: [0, 128, 0] } }, [])
    const { code, details } = await client.call("ModelInfer", request)
    expect([code, details]).toEqual([
      status.INVALID_ARGUMENT,
      "inputs[0].contents[1]: expected -128 to 127, got 128",
    ])
  })
})

describe("about the server and its models", () => {
  test("the server is live, ready and says what it is", async () => {
    expect((await client.call("ServerLive")).message).toEqual({ live: true })
    const { message } = await client.call("ServerMetadata")
    expect([message["name"], message["version"]]).toEqual(["weir", "test"])
    expect(message["extensions"]).toContain("model_repository")
  })

  test("a model is ready and says what it takes and gives", async () => {
    const request = { name: "flights", version: "1" }
    expect((await client.call("ModelReady", request)).message).toEqual({ ready: true })
    const { message } = await client.call("ModelMetadata", request)
    expect([message["versions"], message["platform"]]).toEqual([["1"], "onnx_onnxv1"])
    expect(listOf(message, "inputs")[0]).toEqual({
      name: "distance",
      datatype: "FP32",
      shape: ["-1", "1"],
    })
    const unknown = await client.call("ModelMetadata", { name: "none" })
    expect(toldOf(unknown)).toEqual([status.NOT_FOUND, "unknown_model"])
  })

  test("what is not there is not ready, and a name that nothing can have is refused", async () => {
    for (const none of [{ name: "none" }, { name: "flights", version: "9" }]) {
      const { code, message } = await client.call("ModelReady", none)
      expect([code, message]).toEqual([status.OK, { ready: false }])
    }
    const wrong = await client.call("ModelReady", { name: "a b" })
    expect(toldOf(wrong)).toEqual([status.INVALID_ARGUMENT, "invalid_request"])
    expect((await fetch(`${gateway.url}/v2/models/none/ready`)).status).toBe(404)
  })

  test("its configuration is the one over HTTP", async () => {
    const { message } = await client.call("ModelConfig", { name: "flights" })
    const http: unknown = await (await fetch(`${gateway.url}/v2/models/flights/config`)).json()
    const config = { ...Object(message["config"]) }
    const other = { ...Object(http) }
    for (const field of ["name", "platform", "backend", "max_batch_size"])
      expect(config[field]).toEqual(other[field])
    const shown = ({ name, data_type: type }: Fields) => [name, type]
    expect(listOf(config, "input").map(shown)).toEqual(listOf(other, "input").map(shown))
    expect(listOf(config, "output").map(shown)).toEqual(listOf(other, "output").map(shown))
  })

  test("what it has served is counted", async () => {
    await client.call("ModelInfer", flight)
    const { message } = await client.call("ModelStatistics", { name: "flights" })
    const [only, ...rest] = listOf(message, "model_stats")
    expect([only?.["name"], only?.["version"], rest]).toEqual(["flights", "1", []])
    expect(Number(only?.["inference_count"])).toBeGreaterThan(0)
    const all = await client.call("ModelStatistics")
    expect(listOf(all.message, "model_stats").length).toBe(DATATYPES.length + 1)
  })

  test("it is unloaded and loaded again", async () => {
    const named = { model_name: "UINT8" }
    const states = async () =>
      listOf((await client.call("RepositoryIndex")).message, "models")
        .filter(({ name }) => name === "UINT8")
        .map(({ state }) => state)
    expect((await client.call("RepositoryModelUnload", named)).code).toBe(status.OK)
    expect(await states()).toEqual(["UNAVAILABLE"])
    const asked = { name: "UINT8" }
    expect((await client.call("ModelReady", asked)).message).toEqual({ ready: false })
    const { message } = await client.call("RepositoryIndex", { ready: true })
    expect(listOf(message, "models").map(({ name }) => name)).not.toContain("UINT8")
    expect((await client.call("RepositoryModelLoad", named)).code).toBe(status.OK)
    expect(await states()).toEqual(["READY"])
    const files = { "file:1/model.onnx": { bytes_param: Buffer.from("x") } }
    const refused = await client.call("RepositoryModelLoad", { ...named, parameters: files })
    expect(toldOf(refused)).toEqual([status.UNIMPLEMENTED, "unsupported"])
    const unknown = await client.call("RepositoryModelLoad", { model_name: "none" })
    expect(toldOf(unknown)).toEqual([status.NOT_FOUND, "unknown_model"])
  })
})

describe("the standard health service", () => {
  const check = (service: string) => client.call(`${HEALTH}/Check`, { service })

  test("is asked about the server and its services", async () => {
    expect((await check("")).message).toEqual({ status: "SERVING" })
    expect((await check("inference.GRPCInferenceService")).message).toEqual({ status: "SERVING" })
    expect((await check("none")).code).toBe(status.NOT_FOUND)
  })

  test("tells who watches when the gateway stops", async () => {
    const other = await system.startGateway({ WEIR_GRPC_PORT: "0" })
    const watcher = new TestClient(other.grpcAddress ?? "")
    await until("ready", async () => (await watcher.call("ServerReady")).message["ready"] === true)
    const call = watcher.watch({ service: "" })
    const seen: Array<unknown> = []
    const { promise, resolve } = Promise.withResolvers<void>()
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    call.on("data", (answer: Fields) => {
      seen.push(answer["status"])
      resolve()
    })
    call.on("end", end)
    await promise
    await Promise.all([other.stop(), ended])
    expect(seen).toEqual(["SERVING", "NOT_SERVING"])
    watcher.close()
  })
})

describe("where callers need keys", () => {
  let guarded: TestGateway
  let caller: TestClient
  const keys = { predict: "", operate: "", slow: "" }
  const make = async (name: string, scopes: ReadonlyArray<Scope>, ratePerSecond?: number) => {
    const key = newKey()
    const digest = pepper.digest(key).toString("hex")
    const more = { pepper: pepper.fingerprint, ratePerSecond, beside: false, at: Date.now() }
    await changeAccess(system.log, name, { type: "Create", digest, scopes, ...more })
    return key
  }
  const as = (key: string) => ({ metadata: { authorization: `Bearer ${key}` } })

  beforeAll(async () => {
    keys.predict = await make("alice", ["predict"])
    keys.operate = await make("operator", ["operate"])
    keys.slow = await make("slow", ["predict"], 1)
    guarded = await system.startGateway({ WEIR_GRPC_PORT: "0", WEIR_AUTH: "required" })
    caller = new TestClient(guarded.grpcAddress ?? "")
    const ready = () => caller.call("ModelInfer", flight, as(keys.predict))
    await until("a predictor is there", async () => (await ready()).code === status.OK)
  })
  afterAll(() => caller.close())

  test("health needs none, and everything else one", async () => {
    expect((await caller.call("ServerReady")).code).toBe(status.OK)
    expect((await caller.call(`${HEALTH}/Check`)).code).toBe(status.OK)
    for (const method of ["ServerMetadata", "ModelInfer", "ModelConfig", "RepositoryIndex"])
      expect(toldOf(await caller.call(method))).toEqual([status.UNAUTHENTICATED, "unauthenticated"])
    const wrong = await caller.call("ServerMetadata", {}, as(newKey()))
    expect(wrong.code).toBe(status.UNAUTHENTICATED)
    const other = await caller.call(
      "ServerMetadata",
      {},
      { metadata: { "x-api-key": keys.predict } },
    )
    expect(other.code).toBe(status.OK)
  })

  test("scopes decide what a key is for", async () => {
    const infer = await caller.call("ModelInfer", flight, as(keys.operate))
    expect(toldOf(infer)).toEqual([status.PERMISSION_DENIED, "forbidden"])
    const unload = await caller.call("RepositoryModelUnload", {}, as(keys.predict))
    expect(toldOf(unload)).toEqual([status.PERMISSION_DENIED, "forbidden"])
  })

  test("a key's rate is told with the time to wait", async () => {
    const all = await Promise.all(
      Array.from({ length: 8 }, () => caller.call("ModelInfer", flight, as(keys.slow))),
    )
    const limited = all.find(({ code }) => code === status.RESOURCE_EXHAUSTED)
    expect(limited?.trailer("weir-code")).toBe("rate_limited")
    expect(Number(limited?.trailer("retry-after"))).toBeGreaterThanOrEqual(1)
    expect(Number(limited?.trailer("grpc-retry-pushback-ms"))).toBeGreaterThanOrEqual(1_000)
  })
})
