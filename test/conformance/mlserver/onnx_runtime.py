"""MLServer with ONNX Runtime: the tensors of any model, in every datatype, as MLServer's guide to
custom runtimes has it."""

import numpy as np
import onnxruntime as ort
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.errors import InferenceError
from mlserver.types import InferenceRequest, InferenceResponse, MetadataTensor, ResponseOutput

DATATYPES = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}


def described(tensors):
    return [
        MetadataTensor(
            name=one.name,
            datatype=DATATYPES[one.type],
            shape=[size if isinstance(size, int) else -1 for size in one.shape],
        )
        for one in tensors
    ]


def decoded(tensor):
    if tensor.datatype == "BYTES":
        values = np.array(StringCodec.decode_input(tensor), dtype=object)
        return values.reshape(tensor.shape)
    return NumpyCodec.decode_input(tensor)


def encoded(name, values):
    if values.dtype == object:
        data = [str(one) for one in values.reshape(-1)]
        return ResponseOutput(name=name, shape=list(values.shape), datatype="BYTES", data=data)
    output = NumpyCodec.encode_output(name, values)
    # The codec makes [n] to [n, 1], which the metadata does not say.
    output.shape = list(values.shape)
    return output


class Onnx(MLModel):
    async def load(self) -> bool:
        path = self.settings.parameters.uri
        self.session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.inputs = described(self.session.get_inputs())
        self.outputs = described(self.session.get_outputs())
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        known = [one.name for one in self.outputs]
        names = [one.name for one in payload.outputs] if payload.outputs else known
        try:
            given = {one.name: decoded(one) for one in payload.inputs}
            values = self.session.run(names, given)
        except Exception as error:
            raise InferenceError(str(error)) from error
        outputs = [encoded(name, value) for name, value in zip(names, values)]
        return InferenceResponse(
            id=payload.id, model_name=self.name, model_version=self.version, outputs=outputs
        )
