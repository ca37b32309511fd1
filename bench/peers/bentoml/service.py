"""BentoML with a batchable API, as its guide says."""

import os

import bentoml
import numpy as np
import onnxruntime as ort


@bentoml.service(workers=1, traffic={"timeout": 30}, logging={"access": {"enabled": False}})
class Iris:
    def __init__(self) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(
            os.environ["MODEL"], options, providers=["CPUExecutionProvider"]
        )

    @bentoml.api(batchable=True, batch_dim=0, max_batch_size=128, max_latency_ms=1000)
    def predict(self, data: np.ndarray) -> np.ndarray:
        return self.session.run(["probabilities"], {"X": data.astype(np.float32)})[0]
