// What a loop needs of a transport: to send one request and to hear how it ended.

/** Called once: with nothing when there was a good answer, else with what came instead. */
export type Ended = (error: string | undefined) => void

export interface Caller {
  /** Sends the request number `index`; bodies are taken in turn. Never throws. */
  readonly send: (index: number, ended: Ended) => void
  readonly close: () => Promise<void>
}
