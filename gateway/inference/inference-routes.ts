// The routes that predict one request: text in, text out, the data plane in between.
import type { Releases } from "#core/registry/releases"
import { readQuery } from "../http/address.ts"
import type { BulkInference } from "./bulk.ts"
import { isNdjson } from "../http/ndjson.ts"
import type { Caller } from "../access/caller.ts"
import { PATIENT_MILLIS } from "../http/http-server.ts"
import type { Share } from "./in-flight.ts"
import type { Asked, Intake } from "./intake.ts"
import type { GatewayMetrics } from "../metrics.ts"
import type { Form, Responder } from "../http/respond.ts"
import type { Route } from "../http/routes.ts"
import { readPreference } from "../http/preference.ts"
import type { Polls } from "../predictions/poll.ts"
import { operations } from "../http/operations.ts"
import { refuse, type Refusal } from "../http/status.ts"
import type { Prepared } from "./prepare.ts"
import type { Accepted, Answered, Outcome } from "./flight.ts"

const MILLIS_PER_SECOND = 1_000
const QUERY = ["model", "version"] as const

export interface InferenceOptions {
  readonly releases: Releases
  readonly intake: Intake
  readonly bulk: BulkInference
  readonly polls: Polls
  readonly responder: Responder
  readonly metrics: GatewayMetrics
  /** Lets a request wait for longer than connections may idle. */
  readonly keepOpen: (request: Request) => void
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
}

export class InferenceRoutes {
  readonly #options: InferenceOptions

  constructor(options: InferenceOptions) {
    this.#options = options
  }

  routes(): ReadonlyArray<Route> {
    const infer: Route["handle"] = (request, { model = "", version }, { caller }) =>
      isNdjson(request.headers)
        ? this.#options.bulk.answer(request, caller, model, version)
        : this.predict(request, caller, model, version, "tensors")
    return [
      {
        method: "POST",
        access: "predict",
        path: "/predict",
        handle: (request, _, { caller }) => this.#predictRows(request, caller),
        operation: operations.predict,
      },
      {
        method: "POST",
        access: "predict",
        path: "/v2/models/:model/infer",
        handle: infer,
        operation: operations.infer,
      },
      {
        method: "POST",
        access: "predict",
        path: "/v2/models/:model/versions/:version/infer",
        handle: infer,
        operation: operations.inferVersion,
      },
    ]
  }

  #predictRows(request: Request, caller: Caller): Response | Promise<Response> {
    const query = readQuery(request, QUERY)
    if ("kind" in query) return this.#options.responder.refused(query)
    const model = query.get("model") ?? this.#options.releases.defaultModel()
    if (model === undefined) {
      const message = "no model is registered yet"
      return this.#options.responder.refused(
        refuse("modelUnavailable", message, { retryAfterSeconds: 1 }),
      )
    }
    return this.predict(request, caller, model, query.get("version"), "rows")
  }

  /** Predicts what the body of `request` asks, which is written as `form` says. */
  predict(
    request: Request,
    caller: Caller,
    model: string,
    version: string | undefined,
    form: Form,
  ): Response | Promise<Response> {
    const { intake, responder, now } = this.#options
    const begun = now()
    const asked = intake.ask(request.headers, caller, model, version)
    if (asked.kind === "refused") return responder.refused(asked)
    const share = intake.inFlight.begin()
    return share.kind === "refused"
      ? responder.refused(share)
      : this.#predictHeld(request, asked, share, form, begun)
  }

  async #predictHeld(
    request: Request,
    asked: Asked,
    share: Share,
    form: Form,
    begun: number,
  ): Promise<Response> {
    const { intake, responder } = this.#options
    let prepared: Prepared | Refusal
    let outcome: Outcome
    try {
      const bytes = await intake.read(request, share, form)
      if ("kind" in bytes) return responder.refused(bytes)
      prepared = intake.prepareRead(asked, request.headers, bytes, form)
      if (prepared.kind === "refused") return responder.refused(prepared)
      if (prepared.handling.timeoutMillis > PATIENT_MILLIS) this.#options.keepOpen(request)
      outcome = await intake.sendHeld(prepared, asked.call.key, share)
    } finally {
      share.end()
    }
    switch (outcome.kind) {
      case "refused":
        return responder.refused(outcome)
      case "accepted":
        return this.#accepted(request, asked, prepared, outcome, form, begun)
      case "answered":
        return this.#answer(outcome, prepared, form, begun)
    }
  }

  #answer(
    answered: Answered,
    prepared: Prepared,
    asked: Form,
    begun: number,
  ): Response | Promise<Response> {
    const { responder, metrics, now } = this.#options
    metrics.predicted(answered.fact, (now() - begun) / 1_000)
    const { answer, form = asked } = prepared
    return answer === undefined
      ? responder.answered(answered, form)
      : responder.formed(answered, answer)
  }

  /** To who does not wait, or not for long. */
  async #accepted(
    request: Request,
    { caller }: Asked,
    prepared: Prepared,
    accepted: Accepted,
    asked: Form,
    begun: number,
  ): Promise<Response> {
    const { model, form = asked } = prepared
    const { waitSeconds } = readPreference(request.headers)
    const waited = await this.#later(request, caller, model, accepted, waitSeconds)
    if (waited.kind === "accepted")
      return this.#options.responder.accepted(waited.id, model, form, waitSeconds)
    const response = await this.#answer(waited, prepared, asked, begun)
    response.headers.set("Preference-Applied", `wait=${waitSeconds}`)
    return response
  }

  /** Who would fetch the answer later can name a time within which it would rather have it now. */
  async #later(
    request: Request,
    caller: Caller,
    model: string,
    accepted: Accepted,
    waitSeconds: number,
  ): Promise<Answered | Accepted> {
    if (waitSeconds === 0) return accepted
    const waitMillis = waitSeconds * MILLIS_PER_SECOND
    const { id } = accepted
    const gone = request.signal
    const found = await this.#options.polls.wait({ caller, model, id, waitMillis, gone })
    // The log holds the request, whatever became of the look.
    return found.kind === "answered" ? found : accepted
  }
}
