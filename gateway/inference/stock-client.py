"""Asks a server with the stock client of Triton over HTTP, in every datatype and form.

Prints one JSON object: how often it asked, and what differed from what was expected.
"""

import asyncio
import itertools
import json
import sys

import numpy as np
import tritonclient.http as http
import tritonclient.http.aio as aio
from tritonclient.utils import InferenceServerException

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
PACKINGS = ((None, None), ("gzip", "deflate"), ("deflate", "gzip"))
# The answers of the longer ones are long enough to be packed.
ROWS = (1, 1500)
COLUMNS = 3
random = np.random.default_rng(7)
url = sys.argv[1]


def sample(name, rows):
    shape = (rows, COLUMNS)
    if name == "BYTES":
        words = [[f"ü{row}{column}".encode() for column in range(COLUMNS)] for row in range(rows)]
        return np.array(words, dtype=np.object_)
    if name == "BOOL":
        return random.integers(0, 2, shape).astype(np.bool_)
    if name.startswith("FP"):
        return random.normal(size=shape).astype(TYPES[name])
    limits = np.iinfo(TYPES[name])
    return random.integers(limits.min, limits.max, shape, dtype=TYPES[name], endpoint=True)


def input_of(client, name, data, binary=True):
    given = client.InferInput("x", list(data.shape), name)
    return given.set_data_from_numpy(data, binary_data=binary)


def is_same(result, data):
    got = result.as_numpy("y")
    if data.dtype == np.object_:
        # From JSON the client makes text.
        got = np.array(
            [[one if isinstance(one, bytes) else str(one).encode() for one in row] for row in got],
            dtype=np.object_,
        )
    return got.shape == data.shape and bool((got == data).all())


def combinations(client, faults):
    asked = 0
    forms = itertools.product(TYPES, (True, False), (True, False, None), PACKINGS, ROWS)
    for name, binary, wanted, (packed, unpacked), rows in forms:
        if name == "FP16" and not binary:
            continue  # The client itself has no JSON for it.
        data = sample(name, rows)
        outputs = [] if wanted is None else [http.InferRequestedOutput("y", binary_data=wanted)]
        asked += 1
        try:
            result = client.infer(
                name,
                [input_of(http, name, data, binary)],
                outputs=outputs or None,
                request_id="mine",
                query_params={"any": "thing"},
                request_compression_algorithm=packed,
                response_compression_algorithm=unpacked,
            )
            good = is_same(result, data) and result.get_response()["id"] == "mine"
            why = "other values"
        except Exception as error:
            good, why = False, repr(error)
        if not good:
            faults.append(f"{name} {binary} {wanted} {packed} {unpacked} {rows}: {why}")
    return asked


def the_rest(client, faults):
    data = np.array([[1, 3, 2]], dtype=np.float32)
    best = client.infer(
        "FP32",
        [input_of(http, "FP32", data)],
        outputs=[http.InferRequestedOutput("y", class_count=2)],
    ).as_numpy("y")
    if best.tolist() != [[b"3.000000:1", b"2.000000:2"]]:
        faults.append(f"classes: {best}")
    later = client.async_infer("FP32", [input_of(http, "FP32", data)]).get_result()
    if not is_same(later, data):
        faults.append("async_infer: other values")
    try:
        client.infer("nobody", [input_of(http, "FP32", data)])
        faults.append("an unknown model answered")
    except InferenceServerException as error:
        if "Request for unknown model: 'nobody' is not found" not in str(error):
            faults.append(f"unknown model: {error}")
    return 3


async def with_asyncio(faults):
    async with aio.InferenceServerClient(url) as client:
        if not await client.is_server_ready():
            faults.append("aio: not ready")
        data = sample("INT64", 2)
        result = await client.infer("INT64", [input_of(aio, "INT64", data)])
        if not is_same(result, data):
            faults.append("aio: other values")
    return 1


def main():
    faults = []
    client = http.InferenceServerClient(url)
    if not (client.is_server_live() and client.is_server_ready()):
        faults.append("not ready")
    for name in TYPES:
        metadata = client.get_model_metadata(name)
        if not client.is_model_ready(name) or metadata["inputs"][0]["datatype"] != name:
            faults.append(f"metadata of {name}: {metadata}")
    asked = combinations(client, faults) + the_rest(client, faults)
    asked += asyncio.run(with_asyncio(faults))
    print(json.dumps({"asked": asked, "faults": faults[:20]}))


main()
