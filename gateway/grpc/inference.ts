// One inference request over gRPC, through the same data plane as over HTTP: unary, or a message of
// a stream.
import { BadRequest } from "#core/inference/bad-request"
import { classify } from "#core/inference/classification"
import type { Releases } from "#core/registry/releases"
import type { Tensor } from "#proto/tensor"
import { factHeaders, failureRefusal, notWritten } from "../http/respond.ts"
import type { Refusal } from "../http/status.ts"
import { refuse } from "../http/status.ts"
import { tooManyBytes } from "../inference/in-flight.ts"
import type { Intake } from "../inference/intake.ts"
import type { Prepared } from "../inference/prepare.ts"
import type { Answered, Outcome } from "../inference/flight.ts"
import type { GatewayMetrics } from "../metrics.ts"
import {
  ModelInferRequest,
  ModelInferResponse,
  type ModelInferRequest as InferMessage,
} from "./infer-messages.ts"
import { readInferRequest } from "./infer-request.ts"
import type { Answer, Context, UnaryMethod } from "./unary.ts"

/** Of a call's deadline, so much is left for telling the caller that it has passed, at most. */
const TELLING_SHARE = 0.1
const TELLING_MAX_MILLIS = 100

export interface InferenceCallOptions {
  readonly releases: Pick<Releases, "model" | "caughtUp">
  readonly intake: Intake
  readonly metrics: GatewayMetrics
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
}

/** No longer than the caller waits: who is told in time that it was in vain also learns the id. */
const bounded = (prepared: Prepared, waitMillis: number | undefined): Prepared | Refusal => {
  if (waitMillis === undefined) return prepared
  const most = Math.floor(
    waitMillis - Math.min(TELLING_MAX_MILLIS, Math.max(0, waitMillis) * TELLING_SHARE),
  )
  if (most < 1) return refuse("timedOut", "the deadline had passed before the work began")
  const { handling } = prepared
  if (handling.timeoutMillis <= most) return prepared
  return { ...prepared, handling: { ...handling, timeoutMillis: most } }
}

export class InferenceCalls {
  readonly #options: InferenceCallOptions

  constructor(options: InferenceCallOptions) {
    this.#options = options
  }

  get method(): UnaryMethod<InferMessage, ModelInferResponse> {
    return {
      access: "predict",
      request: ModelInferRequest,
      response: ModelInferResponse,
      answer: (request, context, bytes) => this.infer(request, context, bytes.byteLength),
    }
  }

  /** `bytes` is the length of the message. */
  async infer(
    message: InferMessage,
    context: Context,
    bytes: number,
  ): Promise<Answer<ModelInferResponse>> {
    const { metrics, now } = this.#options
    const begun = now()
    const { outcome, prepared } = await this.#outcome(message, context, bytes)
    if (outcome.kind === "refused") return outcome
    // Nothing asks for that: what would is not among the headers that are read.
    if (outcome.kind === "accepted") return refuse("internal", "not answered", { id: outcome.id })
    metrics.predicted(outcome.fact, (now() - begun) / 1_000)
    return this.#answer(outcome, prepared)
  }

  async #outcome(
    message: InferMessage,
    { headers, caller, waitMillis }: Context,
    bytes: number,
  ): Promise<{ readonly outcome: Outcome; readonly prepared?: Prepared }> {
    const { intake } = this.#options
    const { modelName, modelVersion } = message
    const version = modelVersion === "" ? undefined : modelVersion
    const asked = intake.ask(headers, caller, modelName, version)
    if (asked.kind === "refused") return { outcome: asked }
    const share = intake.inFlight.begin()
    if (share.kind === "refused") return { outcome: share }
    try {
      if (!share.resize(bytes)) return { outcome: tooManyBytes }
      const ready = intake.prepareParsed(asked, readInferRequest(message))
      const prepared = ready.kind === "refused" ? ready : bounded(ready, waitMillis)
      if (prepared.kind === "refused") return { outcome: prepared }
      return { outcome: await intake.sendHeld(prepared, asked.call.key, share), prepared }
    } finally {
      share.end()
    }
  }

  async #answer(
    answered: Answered,
    prepared: Prepared | undefined,
  ): Promise<Answer<ModelInferResponse>> {
    const { fact } = answered
    const trailers = factHeaders(answered)
    if (fact.failure !== undefined)
      return {
        kind: "refusedWith",
        refusal: failureRefusal(fact.failure, fact.id),
        trailers,
      }
    const outputs = await this.#formed(answered, prepared)
    if (outputs instanceof BadRequest)
      return { kind: "refusedWith", refusal: notWritten(outputs, fact.id), trailers }
    const message = {
      modelName: fact.model,
      modelVersion: fact.version ?? "",
      id: fact.clientId ?? fact.id,
      parameters: [],
      outputs: outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
      rawOutputContents: outputs.map(({ data }) => data),
    }
    return { kind: "reply", message, trailers }
  }

  /** The outputs, with the best classes in place of those that are wanted so. */
  async #formed(
    { fact }: Answered,
    prepared: Prepared | undefined,
  ): Promise<ReadonlyArray<Tensor> | BadRequest> {
    const { outputs = [], model, version = "" } = fact
    const forms = prepared?.answer?.outputs
    if (forms === undefined || forms.size === 0) return outputs
    const { releases } = this.#options
    const signatureNow = () => releases.model(model)?.versions.get(version)?.signature
    if (signatureNow() === undefined) await releases.caughtUp()
    const signature = signatureNow()
    const formed: Array<Tensor> = []
    for (const output of outputs) {
      const classes = forms.get(output.name)?.classes
      const one =
        classes === undefined || signature === undefined
          ? output
          : classify(output, classes, signature)
      if (one instanceof BadRequest) return one
      formed.push(one)
    }
    return formed
  }
}
