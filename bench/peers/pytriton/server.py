"""PyTriton: Triton's own server with its dynamic batcher, no delay, batches of up to 128."""

import os

import numpy as np
import onnxruntime as ort
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

options = ort.SessionOptions()
options.intra_op_num_threads = 1
session = ort.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])


@batch
def infer(X):
    label, probabilities = session.run(None, {"X": X})
    return [label.reshape(-1, 1), probabilities]


port = int(os.environ["PORT"])
config = TritonConfig(
    http_address="127.0.0.1",
    http_port=port,
    allow_grpc=False,
    allow_metrics=False,
    log_verbose=0,
)
with Triton(config=config) as triton:
    triton.bind(
        model_name="iris",
        infer_func=infer,
        inputs=[Tensor(name="X", dtype=np.float32, shape=(4,))],
        outputs=[
            Tensor(name="label", dtype=np.int64, shape=(1,)),
            Tensor(name="probabilities", dtype=np.float32, shape=(3,)),
        ],
        config=ModelConfig(batching=True, max_batch_size=128, batcher=DynamicBatcher()),
    )
    triton.serve()
