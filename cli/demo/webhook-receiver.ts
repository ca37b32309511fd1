// The receiver of alerts in the demonstration: what anybody who gets them has to do. It refuses
// what the secret did not sign, and takes an alert that comes twice once.
import { verify, WEBHOOK_ID } from "#core/alerts/signature"
import { Schema } from "effect"

const LOOPBACK = "127.0.0.1"
const SECOND_MILLIS = 1_000

const Alert = Schema.Struct({
  type: Schema.Literals(["drift.detected", "drift.cleared"]),
  data: Schema.Struct({
    model: Schema.String,
    window: Schema.Struct({ from: Schema.Int, to: Schema.Int, rows: Schema.Int }),
    features: Schema.Array(Schema.Struct({ name: Schema.String })),
  }),
})
export type Alert = typeof Alert.Type

export interface Received {
  readonly id: string
  readonly alert: Alert
}

export class WebhookReceiver {
  readonly #secret: string
  readonly #server: ReturnType<typeof Bun.serve>
  readonly #received = new Map<string, Alert>()
  #refused = 0

  constructor(secret: string) {
    this.#secret = secret
    this.#server = Bun.serve({
      hostname: LOOPBACK,
      port: 0,
      fetch: (request) => this.#take(request),
    })
  }

  get url(): string {
    return `http://${LOOPBACK}:${this.#server.port}/alerts`
  }

  /** Each alert once, in the order in which they came. */
  get received(): ReadonlyArray<Received> {
    return [...this.#received].map(([id, alert]) => ({ id, alert }))
  }

  /** Messages without a valid signature. */
  get refused(): number {
    return this.#refused
  }

  async stop(): Promise<void> {
    await this.#server.stop(true)
  }

  async #take(request: Request): Promise<Response> {
    const body = await request.bytes()
    const now = Math.floor(Date.now() / SECOND_MILLIS)
    const verdict = verify([this.#secret], (name) => request.headers.get(name), body, now)
    if (!verdict.valid) {
      this.#refused++
      return new Response(verdict.reason, { status: 401 })
    }
    const alert = Schema.decodeUnknownSync(Alert)(JSON.parse(new TextDecoder().decode(body)))
    this.#received.set(request.headers.get(WEBHOOK_ID) ?? "", alert)
    return new Response(null, { status: 204 })
  }
}
