"""Controls a server with the stock client of Triton over HTTP, blocking and asynchronous: server and
model metadata, configuration, statistics, the repository.

Prints one JSON object: how often it asked, and what differed from what was expected.
"""

import asyncio
import json
import sys

import numpy as np
import tritonclient.http as http
import tritonclient.http.aio as aio
from tritonclient.utils import InferenceServerException

url = sys.argv[1]
MODEL = "uint16"
EXTENSIONS = {"binary_tensor_data", "model_configuration", "model_repository", "statistics"}
faults = []
asked = 0


def expect(what, is_right, got):
    global asked
    asked += 1
    if not is_right:
        faults.append(f"{what}: {got}")


async def refusal(call):
    try:
        return f"answered: {await call()}"
    except InferenceServerException as error:
        return f"{error.status()} {error.message()}"


def given(module):
    data = np.array([[1, 2, 65535]], dtype=np.uint16)
    return [module.InferInput("x", [1, 3], "UINT16").set_data_from_numpy(data)]


async def control(module, client, call):
    """`call(name, …)` calls the client, which may be of either kind."""
    server = await call("get_server_metadata")
    expect("extensions", EXTENSIONS <= set(server["extensions"]), server)
    expect("live", await call("is_server_live"), False)
    expect("ready", await call("is_server_ready"), False)
    expect("version ready", await call("is_model_ready", MODEL, "1"), False)
    metadata = await call("get_model_metadata", MODEL)
    expect("metadata", metadata["inputs"][0]["datatype"] == "UINT16", metadata)
    config = await call("get_model_config", MODEL)
    expect("config", config["input"][0]["data_type"] == "TYPE_UINT16", config)
    expect("batches", config["max_batch_size"] > 0, config)

    answer = await call("infer", MODEL, given(module), request_id="mine")
    expect("values", answer.as_numpy("y").tolist() == [[1, 2, 65535]], answer.get_response())
    expect("id", answer.get_response()["id"] == "mine", answer.get_response())
    told = await call("get_inference_statistics", MODEL)
    counted = told["model_stats"][0]["inference_stats"]["success"]["count"]
    expect("statistics", counted >= 1, told)
    expect("all statistics", len((await call("get_inference_statistics"))["model_stats"]) > 1, "")

    async def state():
        index = await call("get_model_repository_index")
        return [one["state"] for one in index if one["name"] == MODEL]

    expect("in the index", await state() == ["READY"], await state())
    await call("unload_model", MODEL)
    expect("unloaded in the index", await state() == ["UNAVAILABLE"], await state())
    expect("not ready", not await call("is_model_ready", MODEL), True)
    refused = await refusal(lambda: call("infer", MODEL, given(module)))
    expect("unloaded", refused.startswith("503 ") and MODEL in refused, refused)
    await call("load_model", MODEL)
    expect("ready again", await call("is_model_ready", MODEL), False)
    answer = await call("infer", MODEL, given(module))
    expect("answers again", answer.as_numpy("y").tolist() == [[1, 2, 65535]], "")
    refused = await refusal(lambda: call("load_model", MODEL, config="{}"))
    expect("load with a configuration", refused.startswith("501 "), refused)
    for name in ("get_model_metadata", "get_model_config", "load_model", "unload_model"):
        refused = await refusal(lambda: call(name, "nobody"))
        expect(f"{name} of nobody", "unknown model" in refused, refused)


async def main():
    with http.InferenceServerClient(url) as client:

        async def blocking(name, *words, **more):
            return getattr(client, name)(*words, **more)

        await control(http, client, blocking)
        pending = [client.async_infer(MODEL, given(http)) for _ in range(8)]
        answers = [one.get_result().as_numpy("y").tolist() for one in pending]
        expect("async_infer", answers == [[[1, 2, 65535]]] * 8, answers)
    async with aio.InferenceServerClient(url) as client:

        async def awaited(name, *words, **more):
            return await getattr(client, name)(*words, **more)

        await control(aio, client, awaited)


asyncio.run(main())
print(json.dumps({"asked": asked, "faults": faults[:20]}))
