// The routes that predict, and the one that fetches what was predicted: text in, text out, the data
// plane in between.
import { parseInferRequest } from "#core/inference/json-request"
import { parsePredictRequest } from "#core/inference/rows"
import { BadRequest } from "#core/inference/bad-request"
import type { Releases } from "#core/registry/releases"
import { ID } from "#proto/headers"
import { isLogId } from "#proto/names"
import { checkNames, handlingOf, readCall } from "./call.ts"
import { readText } from "./body.ts"
import { PATIENT_MILLIS } from "./http-server.ts"
import type { KeyedSubmitter } from "./keyed.ts"
import type { GatewayMetrics } from "./metrics.ts"
import { badRequest, prepare } from "./prepare.ts"
import type { FindPrediction } from "./predictions.ts"
import { jsonResponse, type Form, type Responder } from "./respond.ts"
import type { Route } from "./routes.ts"
import type { GatewaySettings } from "./settings.ts"
import { refuse, type Refusal } from "./status.ts"
import type { Outcome, Submitter } from "./submit.ts"
import { targetOf, type Target } from "./target.ts"

export interface InferenceOptions {
  readonly releases: Releases
  readonly submitter: Submitter
  readonly keyed: KeyedSubmitter
  readonly find: FindPrediction
  readonly responder: Responder
  readonly metrics: GatewayMetrics
  readonly settings: Pick<
    GatewaySettings,
    "requestBytesMax" | "inFlightBytesMax" | "timeoutDefaultMillis"
  >
  /** Lets a request wait for longer than connections may idle. */
  readonly keepOpen: (request: Request) => void
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
}

const QUEUED_RETRY_AFTER_SECONDS = 1

/** Value of a query parameter; addresses without one are not parsed. */
const queryValue = (request: Request, name: string): string | undefined => {
  const start = request.url.indexOf("?")
  if (start === -1) return undefined
  return new URLSearchParams(request.url.slice(start + 1)).get(name) ?? undefined
}

export class InferenceRoutes {
  readonly #options: InferenceOptions
  #bytesInFlight = 0

  constructor(options: InferenceOptions) {
    this.#options = options
  }

  routes(): ReadonlyArray<Route> {
    const infer = "/v2/models/:model/infer"
    const inferVersion = "/v2/models/:model/versions/:version/infer"
    const tensors: Route["handle"] = (request, { model = "", version }) =>
      this.#predict(request, model, version, "tensors")
    return [
      { method: "POST", path: "/predict", handle: (request) => this.#predictRows(request) },
      { method: "POST", path: infer, handle: tensors },
      { method: "POST", path: inferVersion, handle: tensors },
      {
        method: "GET",
        path: "/v2/models/:model/predictions/:id",
        handle: (_, { model = "", id = "" }) => this.#fetch(model, id),
      },
    ]
  }

  #predictRows(request: Request): Promise<Response> | Response {
    const model = queryValue(request, "model") ?? this.#options.releases.defaultModel()
    if (model === undefined) {
      const message = "no model is registered yet"
      return this.#options.responder.refused(
        refuse("modelUnavailable", message, { retryAfterSeconds: 1 }),
      )
    }
    return this.#predict(request, model, queryValue(request, "version"), "rows")
  }

  async #predict(
    request: Request,
    model: string,
    version: string | undefined,
    form: Form,
  ): Promise<Response> {
    const { responder, metrics, now } = this.#options
    const begun = now()
    const outcome = await this.#outcome(request, model, version, form)
    if (outcome.kind === "refused") return responder.refused(outcome)
    metrics.predicted(outcome.fact, (now() - begun) / 1_000)
    return responder.answered(outcome, form)
  }

  async #outcome(
    request: Request,
    model: string,
    version: string | undefined,
    form: Form,
  ): Promise<Outcome> {
    const { releases, settings } = this.#options
    const wrongName = checkNames(model, version)
    if (wrongName !== undefined) return wrongName
    const call = readCall(request.headers, version)
    if (call.kind === "refused") return call
    const target = targetOf(releases, model, call.pinned)
    if (target.kind === "refused") return target
    const text = await readText(request, settings.requestBytesMax)
    if (typeof text !== "string") return text
    const prepared = this.#prepare(target, text, form, call)
    if (prepared.kind === "refused") return prepared
    const size = prepared.payload.byteLength
    if (this.#bytesInFlight + size > settings.inFlightBytesMax) return tooManyBytes
    this.#bytesInFlight += size
    if (prepared.handling.timeoutMillis > PATIENT_MILLIS) this.#options.keepOpen(request)
    const { key } = call
    const { submitter, keyed } = this.#options
    const outcome = await (key === undefined
      ? submitter.submit(prepared)
      : keyed.submit(prepared, key))
    this.#bytesInFlight -= size
    return outcome
  }

  #prepare(
    target: Target,
    text: string,
    form: Form,
    call: Exclude<ReturnType<typeof readCall>, Refusal>,
  ) {
    const { requestBytesMax, timeoutDefaultMillis } = this.#options.settings
    const parsed =
      form === "rows" ? parsePredictRequest(target.signature, text) : parseInferRequest(text)
    if (parsed instanceof BadRequest) return badRequest(parsed)
    const handling = handlingOf(call, parsed.parameters, timeoutDefaultMillis)
    if ("kind" in handling) return handling
    return prepare(target, parsed, handling, requestBytesMax)
  }

  async #fetch(model: string, id: string): Promise<Response> {
    const { responder, find } = this.#options
    const wrongName = checkNames(model, undefined)
    if (wrongName !== undefined) return responder.refused(wrongName)
    if (!isLogId(id))
      return responder.refused(refuse("invalid", "id: expected 1 to 64 of A-Z a-z 0-9 _ -"))
    const found = await find(model, id)
    if (found.kind === "refused") return responder.refused(found)
    if (found.kind === "answered") return responder.answered(found, "tensors")
    return jsonResponse(JSON.stringify({ id, model, status: "queued" }), 202, {
      [ID]: id,
      "Retry-After": `${QUEUED_RETRY_AFTER_SECONDS}`,
    })
  }
}

const tooManyBytes = refuse(
  "tooManyInFlight",
  "the requests in flight here are as large as they may be",
  {
    retryAfterSeconds: 1,
  },
)
