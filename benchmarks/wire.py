"""Predict requests with tensors made beforehand.

So a measurement has little of the client in it.
"""

from __future__ import annotations

from typing import Any

import grpc
import numpy as np
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc

from serving import tensors

_TIMEOUT_SECONDS = 60.0
_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Wire:
    """One model on one server.

    Args:
        address: host:port of its gRPC port.
        model_name: The model's name on it.
    """

    def __init__(self, address: str, model_name: str) -> None:
        self._name = model_name
        self._channel = grpc.insecure_channel(address, options=_UNLIMITED)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def inputs(self) -> dict[str, dict[str, Any]]:
        """The inputs of the latest version: signature -> name -> TensorInfo.

        Raises:
            grpc.RpcError: The server doesn't answer, or doesn't serve the model.
        """
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = self._name
        response = self._stub.GetModelMetadata(request, timeout=_TIMEOUT_SECONDS)
        found = get_model_metadata_pb2.SignatureDefMap.FromString(
            response.metadata["signature_def"].value
        )
        return {name: dict(signature.inputs) for name, signature in found.signature_def.items()}

    def request(self, signature: str, inputs: dict[str, np.ndarray]) -> Any:
        """A PredictRequest for the latest version."""
        request = predict_pb2.PredictRequest()
        request.model_spec.name = self._name
        request.model_spec.signature_name = signature
        for name, array in inputs.items():
            tensors.write(array, request.inputs[name])
        return request

    def run(self, request: Any) -> dict[str, np.ndarray]:
        """The outputs.

        Raises:
            grpc.RpcError: The server refused or didn't answer.
        """
        response = self._stub.Predict(request, timeout=_TIMEOUT_SECONDS)
        return {name: tensors.read(proto) for name, proto in response.outputs.items()}

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()
