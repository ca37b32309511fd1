// The routes that predict one request: text in, text out, the data plane in between.
import type { AnswerForm } from "#core/inference/answer-form"
import type { Releases } from "#core/registry/releases"
import { readQuery } from "../http/address.ts"
import type { BulkInference } from "./bulk.ts"
import { isNdjson } from "../http/ndjson.ts"
import type { Caller } from "../access/caller.ts"
import { PATIENT_MILLIS } from "../http/http-server.ts"
import type { Intake } from "./intake.ts"
import type { GatewayMetrics } from "../metrics.ts"
import type { Form, Responder } from "../http/respond.ts"
import type { Route } from "../http/routes.ts"
import { readPreference } from "../http/preference.ts"
import type { Polls } from "../predictions/poll.ts"
import { operations } from "../http/operations.ts"
import { refuse } from "../http/status.ts"
import type { Prepared } from "./prepare.ts"
import type { Accepted, Answered, Outcome } from "./flight.ts"

const MILLIS_PER_SECOND = 1_000

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

interface Ended {
  readonly outcome: Outcome
  /** How the answer is to be written; undefined for plain JSON. */
  readonly answer: AnswerForm | undefined
  /** Where the body asked for another form than its address. */
  readonly form: Form | undefined
}

const ended = (outcome: Outcome, prepared?: Prepared): Ended => ({
  outcome,
  answer: prepared?.answer,
  form: prepared?.form,
})

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

  #predictRows(request: Request, caller: Caller): Promise<Response> | Response {
    const query = readQuery(request, ["model", "version"])
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
  async predict(
    request: Request,
    caller: Caller,
    model: string,
    version: string | undefined,
    asked: Form,
  ): Promise<Response> {
    const { responder, metrics, now } = this.#options
    const begun = now()
    const ended = await this.#outcome(request, caller, model, version, asked)
    const { outcome, answer, form = asked } = ended
    if (outcome.kind === "refused") return responder.refused(outcome)
    const isAsync = outcome.kind === "accepted"
    const waitSeconds = isAsync ? readPreference(request.headers).waitSeconds : 0
    const waited = isAsync
      ? await this.#later(request, caller, model, outcome, waitSeconds)
      : outcome
    if (waited.kind === "accepted") return responder.accepted(waited.id, model, form, waitSeconds)
    metrics.predicted(waited.fact, (now() - begun) / 1_000)
    const response = await (answer === undefined
      ? responder.answered(waited, form)
      : responder.formed(waited, answer))
    if (isAsync) response.headers.set("Preference-Applied", `wait=${waitSeconds}`)
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

  async #outcome(
    request: Request,
    caller: Caller,
    model: string,
    version: string | undefined,
    form: Form,
  ): Promise<Ended> {
    const { intake } = this.#options
    const asked = intake.ask(request.headers, caller, model, version)
    if (asked.kind === "refused") return ended(asked)
    const share = intake.inFlight.begin()
    if (share.kind === "refused") return ended(share)
    try {
      const body = await intake.read(request, share, form)
      if (typeof body === "object" && body.kind === "refused") return ended(body)
      const prepared = intake.prepare(asked, body, form)
      if (prepared.kind === "refused") return ended(prepared)
      if (prepared.handling.timeoutMillis > PATIENT_MILLIS) this.#options.keepOpen(request)
      const outcome = await intake.sendHeld(prepared, asked.call.key, share)
      return ended(outcome, prepared)
    } finally {
      share.end()
    }
  }
}
