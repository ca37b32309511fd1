"""Asks with Triton's client, over HTTP or gRPC: pip install 'tritonclient[all]'.

The inputs travel as raw bytes. Prints one line of JSON: the label and the probabilities.
"""

import argparse
import json

import numpy as np

FLIGHT = {
    "distance": ("FP32", np.array([[1750]], dtype=np.float32)),
    "hour": ("INT64", np.array([[0]], dtype=np.int64)),
    "weekday": ("INT64", np.array([[0]], dtype=np.int64)),
    "origin": ("BYTES", np.array([["DTW"]], dtype=np.object_)),
    "destination": ("BYTES", np.array([["LAS"]], dtype=np.object_)),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--protocol", choices=["http", "grpc"], default="http")
    parser.add_argument("--address", help="host:port (default: localhost, 8080 or 8081)")
    parser.add_argument("--model", default="flights")
    given = parser.parse_args()

    if given.protocol == "grpc":
        import tritonclient.grpc as triton

        client = triton.InferenceServerClient(given.address or "localhost:8081")
    else:
        import tritonclient.http as triton

        client = triton.InferenceServerClient(given.address or "localhost:8080")

    inputs = []
    for name, (datatype, data) in FLIGHT.items():
        tensor = triton.InferInput(name, list(data.shape), datatype)
        tensor.set_data_from_numpy(data)
        inputs.append(tensor)
    outputs = [triton.InferRequestedOutput(name) for name in ("label", "probabilities")]
    answer = client.infer(given.model, inputs, outputs=outputs)
    told = {name: answer.as_numpy(name).tolist() for name in ("label", "probabilities")}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
