// The routes that take ground truth: of one prediction, or many as lines.
import type { RecordOptions } from "#core/outcomes/record"
import { recordOutcome, type Recorded } from "#core/outcomes/record"
import { parseOutcome, type BadOutcome, type ParsedOutcome } from "#core/outcomes/outcome"
import { LogUnavailable } from "#core/log/append"
import { LookupFailed } from "#core/log/read"
import { isLogId } from "#proto/names"
import { JSON_TYPE } from "#proto/headers"
import type { Caller } from "../access/caller.ts"
import type { Seats } from "../access/seats.ts"
import { readText } from "../http/body.ts"
import { checkNames } from "../http/call.ts"
import type { Responder } from "../http/respond.ts"
import type { Route } from "../http/routes.ts"
import { refuse, type Refusal } from "../http/status.ts"
import { BulkOutcomes } from "./bulk-outcomes.ts"
import { outcomeOperations } from "./outcome-operations.ts"
import type { OutcomeMetrics } from "./outcome-metrics.ts"

export interface OutcomeRouteOptions extends RecordOptions {
  readonly responder: Responder
  readonly metrics: OutcomeMetrics
  readonly requestBytesMax: number
  readonly bodyWaitMillis: number
  readonly seats: Seats
  /** Lets a request wait for longer than connections may idle. */
  readonly keepOpen: (request: Request) => void
  /** Aborted when the process is told to stop. */
  readonly stopping: AbortSignal
}

const RETRY_AFTER_SECONDS = 2

export interface Told {
  readonly kind: "told"
  readonly id: string
  readonly status: "recorded" | "corrected" | "unchanged"
  readonly position: number
  /** Position of the prediction; left out where it is not known. */
  readonly joined: number | undefined
}

export type TakeOutcome = (
  model: string,
  id: string | undefined,
  outcome: ParsedOutcome | BadOutcome,
  caller: Caller,
) => Promise<Told | Refusal>

const tell = (model: string, id: string, recorded: Recorded): Told | Refusal => {
  switch (recorded.kind) {
    case "misfit":
      return refuse("invalid", recorded.reason, { id })
    case "erased":
      return refuse("gone", `Prediction '${id}' of model '${model}' was erased`, { id })
    case "tooLarge":
      return refuse("tooLarge", "outcome: expected fewer rows, got more than a message holds", {
        id,
      })
    default: {
      const { kind: status, position, joined } = recorded
      return { kind: "told", id, status, position, joined }
    }
  }
}

/** Checks and stores one outcome; `id` of the address comes before that of the body. */
export const outcomeTaker =
  (options: RecordOptions & { readonly metrics: OutcomeMetrics }): TakeOutcome =>
  async (model, address, outcome, caller) => {
    const answer = async (): Promise<Told | Refusal> => {
      if (outcome.kind === "bad") return refuse("invalid", outcome.reason)
      const id = address ?? outcome.id
      if (id === undefined) return refuse("invalid", "id: expected one, got none")
      if (!isLogId(id)) return refuse("invalid", "id: expected 1 to 64 of A-Z a-z 0-9 _ -")
      if (outcome.id !== undefined && outcome.id !== id)
        return refuse("invalid", `id: expected "${id}" as in the address, got "${outcome.id}"`)
      try {
        return tell(model, id, await recordOutcome(options, model, id, outcome, caller.name))
      } catch (cause) {
        if (!(cause instanceof LookupFailed || cause instanceof LogUnavailable)) throw cause
        const retryAfterSeconds = RETRY_AFTER_SECONDS
        return refuse("logUnavailable", cause.message, { id, retryAfterSeconds })
      }
    }
    const told = await answer()
    options.metrics.taken(model, told.kind === "told" ? told.status : "refused")
    return told
  }

export const outcomeRoutes = (options: OutcomeRouteOptions): ReadonlyArray<Route> => {
  const { responder, releases, requestBytesMax, bodyWaitMillis: waitMillis } = options
  const take = outcomeTaker(options)
  const bulk = new BulkOutcomes({ ...options, take })

  const wrongModel = (model: string): Refusal | undefined => {
    const wrong = checkNames(model, undefined)
    if (wrong !== undefined) return wrong
    return releases.model(model) === undefined
      ? refuse("unknownModel", `Request for unknown model: '${model}' is not found`)
      : undefined
  }

  const one: Route["handle"] = async (request, { model = "", id = "" }, { caller }) => {
    const wrong = wrongModel(model)
    if (wrong !== undefined) return responder.refused(wrong)
    const text = await readText(request, { bytesMax: requestBytesMax, waitMillis })
    if (typeof text !== "string") return responder.refused(text)
    const told = await take(model, id, parseOutcome(text), caller)
    if (told.kind === "refused") return responder.refused(told)
    const { status, position, joined } = told
    const body = { id: told.id, model, status, position, joined }
    return new Response(JSON.stringify(body), { headers: { "Content-Type": JSON_TYPE } })
  }

  const many: Route["handle"] = (request, { model = "" }, { caller }) => {
    const wrong = wrongModel(model) ?? bulk.refusalOf(request)
    const answer = wrong ?? bulk.answer(request, caller, model)
    return answer instanceof Response ? answer : responder.refused(answer)
  }

  return [
    {
      method: "POST",
      access: "label",
      path: "/v2/models/:model/predictions/:id/outcome",
      handle: one,
      operation: outcomeOperations.outcome,
    },
    {
      method: "POST",
      access: "label",
      path: "/v2/models/:model/outcomes",
      handle: many,
      operation: outcomeOperations.outcomes,
    },
  ]
}
