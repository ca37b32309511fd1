// What the routes that control models are, for the OpenAPI document.
import { EVERY_CALL, JSON_TYPE, type Operation } from "../http/operations.ts"
import type { ErrorCase } from "../http/status.ts"
import * as Body from "./model-bodies.ts"

const asked = ["invalid", "unknownModel", "unknownVersion"] as const
const decided = [
  ...asked,
  "bodyTimedOut",
  "tooLarge",
  "unsupportedMediaType",
  "unsupportedEncoding",
  "unsupported",
  "logUnavailable",
  "noPredictor",
  "modelUnavailable",
] as const satisfies ReadonlyArray<ErrorCase>

const statistics = (name: string, about: string): Operation => ({
  name,
  about,
  parameters: EVERY_CALL,
  gives: { 200: { [JSON_TYPE]: Body.ModelStatistics } },
  errors: [...asked, "noPredictor"],
})
const config = (name: string, about: string): Operation => ({
  name,
  about,
  parameters: EVERY_CALL,
  gives: { 200: { [JSON_TYPE]: Body.ModelConfig } },
  errors: [...asked, "modelUnavailable"],
})
const decision = (name: string, about: string): Operation => ({
  name,
  about,
  parameters: EVERY_CALL,
  takes: { [JSON_TYPE]: Body.LoadRequest },
  gives: { 200: { [JSON_TYPE]: Body.Done } },
  errors: decided,
})

export const controlOperations = {
  allStatistics: statistics("allStatistics", "What every version has served"),
  statistics: statistics("statistics", "What the versions of a model have served"),
  versionStatistics: statistics("versionStatistics", "What a version has served"),
  config: config("config", "How a model is served: tensors, batching, limits"),
  versionConfig: config("versionConfig", "The same of a version"),
  load: decision("load", "Serves all versions of a model; waits until a predictor can"),
  unload: decision("unload", "Serves a model no more; what is queued by then is still answered"),
  loadVersion: decision("loadVersion", "Serves a version; waits until a predictor can"),
  unloadVersion: decision("unloadVersion", "Serves a version no more"),
} as const satisfies Readonly<Record<string, Operation>>
