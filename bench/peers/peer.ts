// What a peer is: another server of the same model, set up as its makers recommend, and how to
// start it, ask it and read its answer.
import type { Question, Row } from "../systems/iris.ts"
import type { ReadAnswer } from "../systems/check-answers.ts"

export interface PeerContext {
  readonly port: number
  /** Temporary, for what it writes. */
  readonly folder: string
  /** Its folder here, with server and requirements. */
  readonly source: string
  /** `bin` of its Python environment. */
  readonly bin: string
  readonly model: string
  /** Of a nats-server of its own, for peers that log. */
  readonly natsUrl: string | undefined
}

export interface PeerStart {
  readonly command: ReadonlyArray<string>
  readonly environment: Readonly<Record<string, string>>
}

export interface Peer {
  readonly name: string
  readonly title: string
  /** Folder below bench/peers with its requirements, which are its Python environment. */
  readonly packages: string
  /** Folder below bench/peers with its server. */
  readonly source: string
  readonly logs: string
  /** A nats-server of its own, and how it syncs. */
  readonly jetStream?: "default" | "always"
  readonly start: (context: PeerContext) => Promise<PeerStart>
  readonly path: string
  readonly body: (question: Question) => string
  readonly read: ReadAnswer
}

/** `{"probabilities": [[…]]}`. */
export const readProbabilities: ReadAnswer = (body) => {
  const answer: { readonly probabilities: ReadonlyArray<Row> } = JSON.parse(body)
  return answer.probabilities
}

/** The output "probabilities" of the Open Inference Protocol, as one row. */
export const readTensor: ReadAnswer = (body) => {
  const answer: { readonly outputs: ReadonlyArray<{ readonly name: string; readonly data: Row }> } =
    JSON.parse(body)
  return [answer.outputs.find(({ name }) => name === "probabilities")?.data ?? []]
}
