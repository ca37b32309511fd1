"""FastAPI with ONNX Runtime as a team writes it: an async handler and Prometheus counters.

JETSTREAM=<url> publishes every answer to a stream and waits for the acknowledgement before it
answers; DRIFT=1 writes a JSON line a row and tests the last 200 rows for drift every 200 rows.
"""

import json
import os
from collections import deque
from contextlib import asynccontextmanager

import numpy as np
import onnxruntime as ort
from fastapi import BackgroundTasks, FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram
from prometheus_client import REGISTRY, generate_latest, multiprocess
from pydantic import BaseModel

JETSTREAM = os.environ.get("JETSTREAM")
DRIFT_ROWS = 200

options = ort.SessionOptions()
options.intra_op_num_threads = 1
session = ort.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])

requests_total = Counter("requests_total", "Requests", ["endpoint", "status"])
latency = Histogram("request_latency_seconds", "Latency", ["endpoint"])
jetstream = None
detector = None
rows_seen = deque(maxlen=DRIFT_ROWS)
rows_count = 0
lines = None


class Rows(BaseModel):
    data: list[list[float]]


@asynccontextmanager
async def lifespan(_: FastAPI):
    global jetstream, detector, lines
    if JETSTREAM:
        import nats

        connection = await nats.connect(JETSTREAM)
        jetstream = connection.jetstream()
        await jetstream.add_stream(name="PREDICTIONS", subjects=["predictions"], storage="file")
    if os.environ.get("DRIFT"):
        from alibi_detect.cd import KSDrift

        low, high = [4.3, 2, 1, 0.1], [7.9, 4.4, 6.9, 2.5]
        reference = np.random.default_rng(7).uniform(low, high, (500, 4))
        detector = KSDrift(reference.astype(np.float32), p_val=0.05)
        lines = open(os.environ["DRIFT"], "a", buffering=1)
    yield


app = FastAPI(lifespan=lifespan)


def test_drift(window):
    detector.predict(np.asarray(window, dtype=np.float32))


@app.get("/health")
async def health():
    return {"ok": True}


@app.get("/metrics")
async def metrics():
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


@app.post("/predict")
async def predict(rows: Rows, background: BackgroundTasks):
    global rows_count
    with latency.labels("/predict").time():
        inputs = np.asarray(rows.data, dtype=np.float32)
        label, probabilities = session.run(None, {"X": inputs})
        answer = {"predictions": label.tolist(), "probabilities": probabilities.tolist()}
        if jetstream is not None:
            fact = json.dumps({"inputs": rows.data, **answer}).encode()
            await jetstream.publish("predictions", fact)
        if detector is not None:
            for row, predicted in zip(rows.data, answer["predictions"]):
                lines.write(json.dumps({"inputs": row, "prediction": predicted}) + "\n")
                rows_seen.append(row)
                rows_count += 1
                if rows_count % DRIFT_ROWS == 0:
                    background.add_task(test_drift, list(rows_seen))
    requests_total.labels("/predict", "200").inc()
    return answer
