// FastAPI in its variants: what most teams pick, without a log, with one, and with a drift test in
// the way of the answer.
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { dataBody } from "../systems/iris.ts"
import { readProbabilities, type Peer } from "./peer.ts"

interface Variant {
  readonly name: string
  readonly title: string
  readonly workers: 1 | 2
  readonly logs: string
  readonly jetStream?: "default" | "always"
  readonly drift?: true
}

const fastapi = (variant: Variant): Peer => ({
  name: variant.name,
  title: variant.title,
  packages: variant.drift === true ? "fastapi-drift" : "fastapi",
  source: "fastapi",
  logs: variant.logs,
  ...(variant.jetStream === undefined ? {} : { jetStream: variant.jetStream }),
  path: "/predict",
  body: dataBody,
  read: readProbabilities,
  start: async ({ port, folder, source, bin, model, natsUrl }) => {
    const metrics = join(folder, "prometheus")
    if (variant.workers > 1) mkdirSync(metrics)
    return {
      command: [
        ...[join(bin, "python"), "-m", "uvicorn", "server:app", "--app-dir", source],
        ...["--host", "127.0.0.1", "--port", String(port), "--workers", String(variant.workers)],
        ...["--no-access-log", "--log-level", "warning", "--loop", "uvloop", "--http", "httptools"],
      ],
      environment: {
        MODEL: model,
        ...(variant.workers > 1 ? { PROMETHEUS_MULTIPROC_DIR: metrics } : {}),
        ...(natsUrl === undefined ? {} : { JETSTREAM: natsUrl }),
        ...(variant.drift === true ? { DRIFT: join(folder, "rows.jsonl") } : {}),
      },
    }
  },
})

export const fastapiPeers: ReadonlyArray<Peer> = [
  { name: "fastapi", title: "FastAPI, 1 worker", workers: 1, logs: "no" } as const,
  { name: "fastapi-2", title: "FastAPI, 2 workers", workers: 2, logs: "no" } as const,
  {
    name: "fastapi-drift",
    title: "FastAPI, drift test in the request path",
    workers: 1,
    logs: "JSON line",
    drift: true,
  } as const,
  {
    name: "fastapi-jetstream",
    title: "FastAPI + JetStream, 1 worker",
    workers: 1,
    logs: "yes",
    jetStream: "default",
  } as const,
  {
    name: "fastapi-jetstream-2",
    title: "FastAPI + JetStream, 2 workers",
    workers: 2,
    logs: "yes",
    jetStream: "default",
  } as const,
  {
    name: "fastapi-fsync",
    title: "FastAPI + JetStream, fsync, 1 worker",
    workers: 1,
    logs: "yes, synced",
    jetStream: "always",
  } as const,
].map(fastapi)
