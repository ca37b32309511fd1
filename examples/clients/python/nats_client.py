"""Asks Weir over NATS, with nothing between the program and the log.

Reads requests of the Open Inference Protocol from standard input, one JSON object a line, publishes
each to weir.request.<model>.<id>, and prints what came of it, one line each in the same order:
{"id": ..., "position": ..., "outputs": {name: [...]}} or {"id": ..., "failure": {...}}.

    pip install nats-py msgpack
    python nats_client.py --model flights --form msgpack < requests.ndjson
"""

import argparse
import asyncio
import json
import struct
import sys
import uuid

import msgpack
import nats

FORMAT = 1
# Places in a fact, from docs/contracts.md.
ID, OUTPUTS, FAILURE = 1, 9, 10
IN_FLIGHT_MAX = 256
WAIT_SECONDS = 30
ELEMENTS = {
    "BOOL": "?", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q",
    "INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q", "FP16": "e", "FP32": "f", "FP64": "d",
}


def to_bytes(datatype, values):
    """The elements as little-endian bytes; texts with their length in front."""
    if datatype == "BYTES":
        texts = [value.encode() for value in values]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    return struct.pack(f"<{len(values)}{ELEMENTS[datatype]}", *values)


def from_bytes(datatype, data):
    if datatype != "BYTES":
        size = struct.calcsize("<" + ELEMENTS[datatype])
        return list(struct.unpack(f"<{len(data) // size}{ELEMENTS[datatype]}", data))
    values, at = [], 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        values.append(data[at + 4 : at + 4 + length].decode())
        at += 4 + length
    return values


def flat(values):
    return [one for value in values for one in (flat(value) if isinstance(value, list) else [value])]


def encode(request, form):
    """The body of the message and its Content-Type."""
    if form == "json":
        return json.dumps(request).encode(), "application/json"
    inputs = [
        [one["name"], one["datatype"], one["shape"], to_bytes(one["datatype"], flat(one["data"]))]
        for one in request["inputs"]
    ]
    outputs = [one["name"] for one in request["outputs"]] if "outputs" in request else None
    body = [FORMAT, inputs, outputs, request.get("id"), request.get("parameters")]
    return msgpack.packb(body), "application/vnd.msgpack"


def decode(message):
    fact = msgpack.unpackb(message.data)
    if fact[0] != FORMAT:
        raise ValueError(f"a fact of format {fact[0]}, which this program does not know")
    told = {"id": fact[ID], "position": int((message.headers or {}).get("Weir-Position", 0))}
    if fact[FAILURE] is not None:
        reason, text = fact[FAILURE]
        return {**told, "failure": {"reason": reason, "message": text}}
    outputs = {name: from_bytes(kind, data) for name, kind, _, data in fact[OUTPUTS]}
    return {**told, "outputs": outputs}


class Client:
    def __init__(self, connection, model, form):
        self.stream = connection.jetstream()
        self.connection = connection
        self.model = model.replace(".", "~")
        self.form = form
        self.inbox = connection.new_inbox()
        self.waiting = {}
        self.room = asyncio.Semaphore(IN_FLIGHT_MAX)

    async def listen(self):
        async def arrived(message):
            future = self.waiting.pop(message.subject.rsplit(".", 1)[1], None)
            if future is not None and not future.done():
                future.set_result(message)

        await self.connection.subscribe(f"{self.inbox}.*", cb=arrived)

    async def ask(self, request):
        async with self.room:
            id = uuid.uuid4().hex
            body, kind = encode(request, self.form)
            headers = {"Content-Type": kind, "Weir-Reply": f"{self.inbox}.{id}"}
            answer = self.waiting[id] = asyncio.get_running_loop().create_future()
            # Resolves when the log holds the request; raises when it refuses it.
            await self.stream.publish(f"weir.request.{self.model}.{id}", body, headers=headers)
            try:
                return decode(await asyncio.wait_for(answer, WAIT_SECONDS))
            except asyncio.TimeoutError:
                # A reply is a hint and can be lost; the fact is what counts.
                subject = f"weir.prediction.{self.model}.{id}"
                return decode(await self.stream.get_last_msg("PREDICTIONS", subject))
            finally:
                self.waiting.pop(id, None)


async def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--url", default="nats://127.0.0.1:4222")
    parser.add_argument("--model", required=True)
    parser.add_argument("--form", choices=["json", "msgpack"], default="msgpack")
    words = parser.parse_args()
    requests = [json.loads(line) for line in sys.stdin if line.strip()]
    connection = await nats.connect(words.url)
    client = Client(connection, words.model, words.form)
    await client.listen()
    for answer in await asyncio.gather(*(client.ask(request) for request in requests)):
        print(json.dumps(answer))
    await connection.close()


asyncio.run(main())
