// The servers that are made for models, each as its own documentation sets it up.
import { join } from "node:path"
import { freePort } from "../../cli/port.ts"
import { dataBody, tensorBody, type Row } from "../systems/iris.ts"
import { readProbabilities, readTensor, type Peer } from "./peer.ts"

const LOOPBACK = "127.0.0.1"

const mlserver = (
  name: string,
  title: string,
  batching: Readonly<Record<string, number>>,
): Peer => ({
  name,
  title,
  packages: "mlserver",
  source: "mlserver",
  logs: "no",
  path: "/v2/models/iris/infer",
  body: (question) => tensorBody(question),
  read: readTensor,
  start: async ({ port, folder, source, bin, model }) => {
    const settings = {
      host: LOOPBACK,
      http_port: port,
      grpc_port: freePort(LOOPBACK),
      metrics_port: freePort(LOOPBACK),
      parallel_workers: 0,
      debug: false,
    }
    const modelSettings = { name: "iris", implementation: "iris_runtime.Iris", ...batching }
    await Bun.write(join(folder, "settings.json"), JSON.stringify(settings))
    await Bun.write(join(folder, "model-settings.json"), JSON.stringify(modelSettings))
    return {
      command: [join(bin, "mlserver"), "start", folder],
      environment: { MODEL: model, PYTHONPATH: source },
    }
  },
})

const bentoml: Peer = {
  name: "bentoml",
  title: "BentoML, batching",
  packages: "bentoml",
  source: "bentoml",
  logs: "no",
  path: "/predict",
  body: dataBody,
  read: (body) => {
    const answer: ReadonlyArray<Row> = JSON.parse(body)
    return answer
  },
  start: async ({ port, folder, source, bin, model }) => ({
    command: [
      ...[join(bin, "bentoml"), "serve", "service:Iris", "--working-dir", source],
      ...["--host", LOOPBACK, "--port", String(port)],
    ],
    environment: { MODEL: model, BENTOML_HOME: folder, BENTOML_DO_NOT_TRACK: "true" },
  }),
}

const ray: Peer = {
  name: "ray",
  title: "Ray Serve with HAProxy, batching",
  packages: "ray",
  source: "ray",
  logs: "no",
  path: "/predict",
  body: dataBody,
  read: readProbabilities,
  start: async ({ port, folder, source, bin, model }) => ({
    command: [join(bin, "python"), join(source, "server.py")],
    environment: {
      MODEL: model,
      PORT: String(port),
      RAY_FOLDER: folder,
      RAY_SERVE_ENABLE_HA_PROXY: "1",
      RAY_USAGE_STATS_ENABLED: "0",
    },
  }),
}

const litserve: Peer = {
  name: "litserve",
  title: "LitServe, batching",
  packages: "litserve",
  source: "litserve",
  logs: "no",
  path: "/predict",
  body: dataBody,
  read: readProbabilities,
  start: async ({ port, source, bin, model }) => ({
    command: [join(bin, "python"), join(source, "server.py")],
    environment: { MODEL: model, PORT: String(port) },
  }),
}

const pytriton: Peer = {
  name: "pytriton",
  title: "PyTriton, dynamic batching",
  packages: "pytriton",
  source: "pytriton",
  logs: "no",
  path: "/v2/models/iris/infer",
  body: (question) => tensorBody(question),
  read: readTensor,
  start: async ({ port, folder, source, bin, model }) => ({
    command: [join(bin, "python"), join(source, "server.py")],
    environment: { MODEL: model, PORT: String(port), PYTRITON_HOME: folder },
  }),
}

export const modelServers: ReadonlyArray<Peer> = [
  mlserver("mlserver", "MLServer, in process", {}),
  mlserver("mlserver-batching", "MLServer, adaptive batching", {
    max_batch_size: 64,
    max_batch_time: 0.005,
  }),
  bentoml,
  ray,
  litserve,
  pytriton,
]
