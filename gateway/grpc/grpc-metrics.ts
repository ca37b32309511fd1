// What only gRPC has to count. Its calls and the messages of its streams are counted with the
// requests over HTTP as well, under the path of their method.
import { Counter, type Registry } from "prom-client"
import { registerGauge } from "#core/service/process-metrics"

export class GrpcMetrics {
  readonly #handled: Counter<"service" | "method" | "code">

  constructor(registry: Registry, streams: () => number) {
    this.#handled = new Counter({
      name: "weir_gateway_grpc_calls_total",
      help: "gRPC calls that have ended, by status code",
      labelNames: ["service", "method", "code"],
      registers: [registry],
    })
    registerGauge(
      registry,
      "weir_gateway_grpc_streams",
      "Streams of inference requests that are open",
      streams,
    )
  }

  /** `path` is `/service/method` of a method that there is. */
  handled(path: string, code: string): void {
    const [, service = "", method = ""] = path.split("/")
    this.#handled.inc({ service, method, code })
  }
}
