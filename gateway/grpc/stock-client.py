"""Asks a server with the stock client of Triton over gRPC: sync, aio and stream.

Prints one JSON object: how often it asked, and what differed from what was expected.
"""

import asyncio
import json
import queue
import sys

import numpy as np
import tritonclient.grpc as grpc
import tritonclient.grpc.aio as aio
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
ROWS = (1, 300)
COLUMNS = 3
STREAMED = 100
random = np.random.default_rng(7)
url = sys.argv[1]
faults = []
asked = 0


def expect(what, got, wanted):
    global asked
    asked += 1
    if got != wanted:
        faults.append(f"{what}: expected {wanted!r}, got {got!r}")


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


def input_of(name, data, client=grpc):
    given = client.InferInput("x", list(data.shape), name)
    given.set_data_from_numpy(data)
    return given


def is_same(result, data):
    got = result.as_numpy("y")
    return got is not None and got.shape == data.shape and bool((got == data).all())


def told(call):
    """Status and sentence of a call that must fail."""
    try:
        call()
        return None
    except InferenceServerException as error:
        return str(error.status()), error.message()


def about(client):
    expect("live", client.is_server_live(), True)
    expect("ready", client.is_server_ready(), True)
    extensions = client.get_server_metadata().extensions
    for extension in ("model_repository", "statistics", "model_configuration"):
        expect(extension, extension in extensions, True)
    for name in TYPES:
        expect(f"{name} ready", client.is_model_ready(name, "1"), True)
        metadata = client.get_model_metadata(name)
        expect(f"{name} metadata", metadata.inputs[0].datatype, name)
        config = client.get_model_config(name, as_json=True)["config"]
        wanted = "TYPE_STRING" if name == "BYTES" else f"TYPE_{name}"
        expect(f"{name} config", config["input"][0]["data_type"], wanted)
        expect(f"{name} dims", config["output"][0]["dims"], [str(COLUMNS)])
    expect("unknown not ready", client.is_model_ready("nobody"), False)
    expect("version not ready", client.is_model_ready("INT64", "9"), False)
    expect(
        "unknown",
        told(lambda: client.get_model_metadata("nobody")),
        ("StatusCode.NOT_FOUND", "Request for unknown model: 'nobody' is not found"),
    )


def infers(client):
    for name in TYPES:
        for rows in ROWS:
            data = sample(name, rows)
            outputs = [None, [grpc.InferRequestedOutput("y")]][rows == 1]
            result = client.infer(
                name,
                [input_of(name, data)],
                model_version="1",
                outputs=outputs,
                request_id="mine",
                compression_algorithm="gzip" if rows > 1 else None,
                headers={"x-request-id": "r"},
                parameters={"anything": 7},
                priority=1,
                timeout=5_000_000,
                client_timeout=10,
            )
            expect(f"{name} {rows}", is_same(result, data), True)
            expect("id", result.get_response().id, "mine")
    data = np.array([[1, 3, 2]], dtype=np.float32)
    best = client.infer(
        "FP32",
        [input_of("FP32", data)],
        outputs=[grpc.InferRequestedOutput("y", class_count=2)],
    ).as_numpy("y")
    expect("classes", best.tolist(), [[b"3.000000:1", b"2.000000:2"]])
    later = queue.Queue()
    client.async_infer(
        "FP32", [input_of("FP32", data)], callback=lambda result, error: later.put((result, error))
    )
    result, error = later.get(timeout=10)
    expect("async_infer", error is None and is_same(result, data), True)
    wrong = told(lambda: client.infer("FP32", [input_of("FP64", data.astype(np.float64))]))
    expect("wrong datatype", wrong[0], "StatusCode.INVALID_ARGUMENT")
    nobody = told(lambda: client.infer("nobody", [input_of("FP32", data)]))
    expect("unknown", nobody[0], "StatusCode.NOT_FOUND")


def streams(client):
    answers = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    all_data = [sample("INT64", 1) for _ in range(STREAMED)]
    for index, data in enumerate(all_data):
        client.async_stream_infer(
            "INT64",
            [input_of("INT64", data)],
            request_id=str(index),
            enable_empty_final_response=True,
        )
    for index, data in enumerate(all_data):
        result, error = answers.get(timeout=20)
        good = error is None and is_same(result, data)
        expect(f"streamed {index}", good and result.get_response().id, str(index))
        final = result.get_response().parameters["triton_final_response"].bool_param
        expect("final", final, True)
    client.async_stream_infer("nobody", [input_of("INT64", all_data[0])])
    _, error = answers.get(timeout=20)
    expect("error", error.message(), "Request for unknown model: 'nobody' is not found")
    client.stop_stream()


def controls(client):
    def states():
        return {one.name: one.state for one in client.get_model_repository_index().models}

    expect("index", states().get("UINT8"), "READY")
    client.unload_model("UINT8")
    expect("unloaded", states().get("UINT8"), "UNAVAILABLE")
    expect("not ready", client.is_model_ready("UINT8"), False)
    client.load_model("UINT8")
    expect("loaded", states().get("UINT8"), "READY")
    expect("ready again", client.is_model_ready("UINT8"), True)
    refused = told(lambda: client.load_model("UINT8", config="{}"))
    expect("config", refused[0], "StatusCode.UNIMPLEMENTED")
    [counted] = client.get_inference_statistics("INT64").model_stats
    expect("counted", counted.inference_count >= STREAMED, True)
    total = counted.inference_stats.success.ns
    parts = ("queue", "compute_input", "compute_infer", "compute_output")
    added = sum(getattr(counted.inference_stats, part).ns for part in parts)
    expect("durations add up", abs(total - added) <= len(parts) * counted.inference_count, True)


async def with_asyncio():
    async with aio.InferenceServerClient(url) as client:
        expect("aio ready", await client.is_server_ready(), True)
        data = sample("BYTES", 2)
        result = await client.infer("BYTES", [input_of("BYTES", data, aio)])
        expect("aio infer", is_same(result, data), True)
        all_data = [sample("FP64", 1) for _ in range(STREAMED)]

        async def requests():
            for index, one in enumerate(all_data):
                yield {
                    "model_name": "FP64",
                    "inputs": [input_of("FP64", one, aio)],
                    "request_id": str(index),
                }

        got = 0
        async for result, error in client.stream_infer(requests()):
            good = error is None and is_same(result, all_data[got])
            expect(f"aio streamed {got}", good, True)
            got += 1
        expect("aio streamed", got, STREAMED)


def main():
    client = grpc.InferenceServerClient(url)
    about(client)
    infers(client)
    streams(client)
    controls(client)
    asyncio.run(with_asyncio())
    print(json.dumps({"asked": asked, "faults": faults[:20]}))


main()
