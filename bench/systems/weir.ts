// Weir as it is measured: every part its own process, request and fact in the log, the long log on,
// the hot log bounded. Either from this checkout, or from another commit by that commit's own
// command line.
import { DEFAULT_LIMITS } from "#core/log/topology"
import type { Log } from "#core/log/log"
import { PREDICTIONS, REQUESTS, HISTORY } from "#proto/subjects"
import { importModel } from "../../cli/laboratory/models.ts"
import { startLaboratory, type Laboratory } from "../../cli/laboratory/system.ts"
import { hold } from "../clean-ups.ts"
import type { LogFigures, Subject } from "../measure/cell.ts"
import type { HttpTarget, NatsTarget } from "../load/plan.ts"
import { checkAnswers } from "./check-answers.ts"
import { base64, dataBody, IRIS, IRIS_FILE, irisQuestions, queueForms } from "./iris.ts"

/** As the targets say: recovery and the server's memory grow with it. */
const HOT_FACTS_MAX = 200_000

export interface WeirOptions {
  readonly name?: string
  readonly predictors?: number
  readonly sync?: "default" | "always"
  readonly environment?: Readonly<Record<string, string>>
}

/** A running Weir that answers for the model iris. */
export interface Weir extends Subject {
  readonly isWeir: true
  readonly url: string
  readonly stop: () => Promise<void>
}

export interface WeirLaboratory extends Weir {
  readonly laboratory: Laboratory
  readonly natsUrl: string
}

const READ_LOG = [REQUESTS, PREDICTIONS, HISTORY] as const

const logSizeOf = async (log: Log): Promise<LogFigures> => {
  const infos = await Promise.all(READ_LOG.map((name) => log.manager.streams.info(name)))
  // What was ever stored, not what is held: the queue empties itself, the hot log is bounded.
  const messages = infos.reduce((sum, { state }) => sum + state.last_seq, 0)
  const held = infos.reduce((sum, { state }) => sum + state.messages, 0)
  const bytes = infos.reduce((sum, { state }) => sum + state.bytes, 0)
  return { messages, bytesEstimate: held === 0 ? 0 : Math.round((bytes / held) * messages) }
}

export const startWeir = async (options: WeirOptions = {}): Promise<WeirLaboratory> => {
  const bytes = await Bun.file(IRIS_FILE).bytes()
  const { made, undo: stop } = hold(
    () =>
      startLaboratory({
        limits: { ...DEFAULT_LIMITS, predictionsMessagesMax: HOT_FACTS_MAX },
        predictors: options.predictors ?? 1,
        gateways: 1,
        servers: 1,
        sync: options.sync ?? "default",
        environment: { LOG_LEVEL: "warn", ...options.environment },
        prepare: (log) => importModel(log, IRIS, bytes),
      }),
    async (starting) => (await starting).stop(),
  )
  const laboratory = await made
  const { gateways, predictors, broker } = laboratory
  const pidsOf = (parts: ReadonlyArray<{ readonly pid: number | undefined }>) =>
    parts.flatMap(({ pid }) => (pid === undefined ? [] : [pid]))
  return {
    name: options.name ?? "Weir",
    isWeir: true,
    laboratory,
    url: laboratory.urls[0] ?? "",
    natsUrl: broker.servers,
    parts: () => [
      { name: "gateway", pids: pidsOf(gateways) },
      { name: "predictor", pids: pidsOf(predictors) },
      { name: "nats-server", pids: pidsOf(broker.members.map(({ supervisor }) => supervisor)) },
    ],
    logSize: () => logSizeOf(laboratory.log),
    stop,
  }
}

/** The probabilities in an answer of `/predict`. */
export const readWeirAnswer = (body: string): ReadonlyArray<ReadonlyArray<number>> => {
  const answer: { readonly probabilities: ReadonlyArray<ReadonlyArray<number>> } = JSON.parse(body)
  return answer.probabilities
}

/** `/predict` with 64 distinct requests. */
export const predictTarget = async (url: string, rowsEach: number): Promise<HttpTarget> => {
  const questions = await irisQuestions(rowsEach)
  return {
    kind: "http",
    url: `${url}/predict?model=${IRIS}`,
    bodies: questions.map((question) => base64(dataBody(question))),
  }
}

export const queueTarget = async (
  servers: string,
  rowsEach: number,
  { contentType, body }: (typeof queueForms)[number],
): Promise<NatsTarget> => {
  const bodies = (await irisQuestions(rowsEach)).map((question) => base64(body(question)))
  return { kind: "nats", servers, model: IRIS, contentType, bodies }
}

/** Throws when a system answers anything but what ONNX Runtime says. */
export const checkWeir = async (weir: Weir, rowsEach: number): Promise<number> =>
  checkAnswers(
    weir.name,
    await predictTarget(weir.url, rowsEach),
    await irisQuestions(rowsEach),
    readWeirAnswer,
  )
