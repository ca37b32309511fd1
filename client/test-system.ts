// A whole Weir for the tests of this folder, with models that give back what they get and one that
// fails where any of its rows is not 0 or 1.
import { join } from "node:path"
import { ELEMENT, identity, twoRowTable } from "../core/inference/onnx-test-models.ts"
import {
  FLIGHTS_MODEL,
  FLIGHTS_SIGNATURE,
  startSystem,
  type TestSystem,
} from "../test/support/system.ts"
import { InferenceError, type InferRequest, tensor } from "./client.ts"

export const START_MILLIS = 60_000
/** Values in a row of the models that give back. */
export const WIDTH = 3

/** The error that a promise rejects with. */
export const failing = async (promise: Promise<unknown>): Promise<InferenceError> => {
  const error: unknown = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  if (error instanceof InferenceError) return error
  throw new Error(`expected an InferenceError, got ${String(error)}`)
}

export interface ClientSystem extends TestSystem {
  readonly url: string
  readonly predictorPid: number
}

/** Models are named by their datatype; the environment is the gateway's. */
export const startClientSystem = async (
  environment: Readonly<Record<string, string>> = {},
): Promise<ClientSystem> => {
  const system = await startSystem()
  await system.release("flights", "1", FLIGHTS_MODEL, FLIGHTS_SIGNATURE)
  for (const [datatype, element] of Object.entries(ELEMENT)) {
    if (datatype === "BF16") continue
    const path = join(system.nats.directory, `${datatype}.onnx`)
    await Bun.write(path, identity(element, ["N", WIDTH]))
    await system.release(datatype, "1", path)
  }
  const table = join(system.nats.directory, "table.onnx")
  await Bun.write(table, twoRowTable)
  await system.release("table", "1", table)
  const predictor = await system.predictor()
  const { url } = await system.gateway(environment)
  return { ...system, url, predictorPid: predictor.pid }
}

/** Flights, each [distance, hour, weekday, origin, destination]. */
export const flights = (
  ...rows: ReadonlyArray<readonly [number, number, number, string, string]>
): InferRequest => {
  const shape = [rows.length, 1]
  return {
    inputs: [
      tensor(
        "distance",
        "FP32",
        shape,
        rows.map(([distance]) => distance),
      ),
      tensor(
        "hour",
        "INT64",
        shape,
        rows.map(([, hour]) => hour),
      ),
      tensor(
        "weekday",
        "INT64",
        shape,
        rows.map(([, , weekday]) => weekday),
      ),
      tensor(
        "origin",
        "BYTES",
        shape,
        rows.map(([, , , origin]) => origin),
      ),
      tensor(
        "destination",
        "BYTES",
        shape,
        rows.map(([, , , , destination]) => destination),
      ),
    ],
  }
}
export const FLIGHT = [1750, 0, 0, "DTW", "LAS"] as const
