"""Ray Serve: one replica, batches of 64 within 2 ms, HAProxy in front."""

import os
import signal

import numpy as np
import onnxruntime as ort
import ray
from ray import serve
from starlette.requests import Request


@serve.deployment(num_replicas=1, max_ongoing_requests=1000)
class Iris:
    def __init__(self, model: str) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    @serve.batch(max_batch_size=64, batch_wait_timeout_s=0.002)
    async def run(self, requests: list) -> list:
        sizes = [len(rows) for rows in requests]
        inputs = np.asarray([row for rows in requests for row in rows], dtype=np.float32)
        label, probabilities = self.session.run(None, {"X": inputs})
        answers, at = [], 0
        for size in sizes:
            answers.append(
                {
                    "predictions": label[at : at + size].tolist(),
                    "probabilities": probabilities[at : at + size].tolist(),
                }
            )
            at += size
        return answers

    async def __call__(self, request: Request):
        return await self.run((await request.json())["data"])


ray.init(
    num_cpus=4,
    include_dashboard=False,
    logging_level="ERROR",
    _temp_dir=os.environ["RAY_FOLDER"],
)
serve.start(
    http_options={"host": "127.0.0.1", "port": int(os.environ["PORT"])},
    logging_config={"enable_access_log": False},
)
serve.run(Iris.bind(os.environ["MODEL"]), route_prefix="/predict")
print("ready", flush=True)
stopped = signal.sigwait([signal.SIGTERM, signal.SIGINT])
serve.shutdown()
ray.shutdown()
