"""Asks a server with the stock REST client of KServe, V1 and V2, of the models of
test/conformance/whole-system.ts.

Prints one JSON object: how often it asked, and what differed from what was expected.
"""

import asyncio
import json
import sys

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

TYPES = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
    "BYTES": np.object_,
}
ROW = {"distance": 1750, "hour": 0, "weekday": 0, "origin": "DTW", "destination": "LAS"}
url = sys.argv[1]
faults = []
asked = 0


def check(what, is_right, got):
    global asked
    asked += 1
    if not is_right:
        faults.append(f"{what}: {got}")


def sample(name):
    if name == "BYTES":
        return np.array([[b"a", "ü".encode(), b""]], dtype=np.object_)
    return np.array([[0, 1, 1], [1, 0, 1]]).astype(TYPES[name])


async def infer(client, name, binary_in, binary_out):
    data = sample(name)
    given = InferInput("x", list(data.shape), name)
    given.set_data_from_numpy(data, binary_data=binary_in)
    parameters = {"binary_data_output": True} if binary_out else None
    request = InferRequest(name.lower(), [given], parameters=parameters)
    answer = await client.infer(url, request, model_name=name.lower())
    got = answer.outputs[0].as_numpy()
    if name == "BYTES":
        # From JSON the client makes text.
        got = np.array(
            [[one if isinstance(one, bytes) else str(one).encode() for one in row] for row in got],
            dtype=np.object_,
        )
    is_same = got.shape == data.shape and bool((got == data).all())
    check(f"{name} in {binary_in} out {binary_out}", is_same, got)


async def second():
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))
    check("v2 live", await client.is_server_live(url), False)
    check("v2 ready", await client.is_server_ready(url), False)
    check("v2 model ready", await client.is_model_ready(url, "flights"), False)
    for name in TYPES:
        for binary_in in (True, False):
            for binary_out in (True, False):
                if name != "FP16" or binary_in and binary_out:
                    await infer(client, name, binary_in, binary_out)
    try:
        await client.infer(url, {"inputs": []}, model_name="nobody")
        check("an unknown model", False, "answered")
    except Exception as error:
        check("an unknown model", "404" in str(error), error)
    await client.close()


async def first():
    client = InferenceRESTClient(RESTConfig(protocol="v1", retries=0))
    check("v1 live", await client.is_server_live(url), False)
    check("v1 model ready", await client.is_model_ready(url, "flights"), False)
    answer = await client.infer(url, {"instances": [ROW, ROW]}, model_name="flights")
    check("v1 named rows", answer["predictions"] == [0, 0], answer)
    rows = [list(ROW.values())]
    answer = await client.infer(url, {"instances": rows}, model_name="flights")
    check("v1 rows", answer["predictions"] == [0], answer)
    answer = await client.infer(url, {"instances": [[1, 2, 3]]}, model_name="fp32")
    check("v1 tensors", answer["predictions"] == [[1, 2, 3]], answer)
    await client.close()


asyncio.run(second())
asyncio.run(first())
print(json.dumps({"asked": asked, "faults": faults[:20]}))
