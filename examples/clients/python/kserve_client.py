"""Asks with KServe's REST client, in both of its protocols: pip install kserve.

Prints one line of JSON for each: the answer to V1, and the label and probabilities of V2.
"""

import argparse
import asyncio
import json

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

FLIGHT = {"distance": 1750, "hour": 0, "weekday": 0, "origin": "DTW", "destination": "LAS"}
DATATYPES = {"distance": "FP32", "hour": "INT64", "weekday": "INT64"}
NUMPY = {"FP32": np.float32, "INT64": np.int64, "BYTES": np.object_}


def tensor(name, value):
    datatype = DATATYPES.get(name, "BYTES")
    given = InferInput(name, [1, 1], datatype)
    given.set_data_from_numpy(np.array([[value]], dtype=NUMPY[datatype]), binary_data=True)
    return given


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://localhost:8080")
    parser.add_argument("--model", default="flights")
    given = parser.parse_args()

    async with InferenceRESTClient(RESTConfig(protocol="v1")) as client:
        body = {"instances": [FLIGHT]}
        print(json.dumps(await client.infer(given.url, body, model_name=given.model)))

    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        inputs = [tensor(name, value) for name, value in FLIGHT.items()]
        request = InferRequest(given.model, inputs)
        answer = await client.infer(given.url, request, model_name=given.model)
        print(json.dumps({one.name: one.as_numpy().tolist() for one in answer.outputs}))


if __name__ == "__main__":
    asyncio.run(main())
