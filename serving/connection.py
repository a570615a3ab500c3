"""A gRPC connection to one model on a TensorFlow Serving server, without importing TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import grpc
import numpy as np

from serving import messages, tensors
from serving.errors import ServingError

_SERVICE = "/tensorflow.serving.PredictionService"


class RankingError(ServingError):
    """A request that the model server refused, or didn't answer.

    Args:
        message: What failed where, and what would do.
        code: The gRPC status code.
        details: The server's own words.
    """

    def __init__(self, message: str, code: grpc.StatusCode, details: str) -> None:
        super().__init__(message)
        self.code, self.details = code, details


class Answer(NamedTuple):
    """The outputs of one request by name, and the model version that computed them."""

    outputs: dict[str, np.ndarray]
    version: int


class Metadata(NamedTuple):
    """The signatures of one model version: signature -> input -> TensorInfo."""

    inputs: dict[str, dict[str, Any]]
    version: int


class Connection:
    """Sends requests about one model to one server; several threads may share it.

    Args:
        address: `host:port` of the server's gRPC port.
        model_name: The model's name on the server.
        timeout_seconds: Seconds after which a request is given up.
        max_message_bytes: Bytes of the largest request or response.
    """

    def __init__(self, address: str, model_name: str, timeout_seconds: float, max_message_bytes: int) -> None:
        self._address, self._model_name = address, model_name
        self._timeout_seconds, self._max_message_bytes = timeout_seconds, max_message_bytes
        limits = ("grpc.max_receive_message_length", "grpc.max_send_message_length")
        self._channel = grpc.insecure_channel(address, options=[(limit, max_message_bytes) for limit in limits])
        self._predict = self._method("Predict", messages.PredictRequest, messages.PredictResponse)
        self._get_metadata = self._method(
            "GetModelMetadata", messages.GetModelMetadataRequest, messages.GetModelMetadataResponse
        )

    def run(self, signature: str, inputs: Mapping[str, np.ndarray], version: int | None = None) -> Answer:
        """Runs a signature on a version, the latest for None.

        Raises:
            RankingError: The server refused or didn't answer.
        """
        request = messages.PredictRequest()
        self._name_model(request, version)
        request.model_spec.signature_name = signature
        for name, array in inputs.items():
            tensors.write(array, request.inputs[name])
        response = self._call(self._predict, request, f"signature '{signature}'")
        outputs = {name: tensors.read(proto) for name, proto in sorted(response.outputs.items())}
        return Answer(outputs, response.model_spec.version.value)

    def metadata(self, version: int | None = None) -> Metadata:
        """The signatures of a version, the latest for None.

        Raises:
            RankingError: The server refused or didn't answer.
        """
        request = messages.GetModelMetadataRequest(metadata_field=["signature_def"])
        self._name_model(request, version)
        response = self._call(self._get_metadata, request, "metadata")
        signatures = messages.SignatureDefMap.FromString(response.metadata["signature_def"].value)
        inputs = {name: dict(signature.inputs) for name, signature in signatures.signature_def.items()}
        return Metadata(inputs, response.model_spec.version.value)

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def _method(self, name: str, request: Any, response: Any) -> Any:
        write, read = request.SerializeToString, response.FromString
        return self._channel.unary_unary(f"{_SERVICE}/{name}", request_serializer=write, response_deserializer=read)

    def _name_model(self, request: Any, version: int | None) -> None:
        request.model_spec.name = self._model_name
        if version is not None:
            request.model_spec.version.value = version

    def _call(self, method: Any, request: Any, what: str) -> Any:
        try:
            return method(request, timeout=self._timeout_seconds)
        except grpc.RpcError as error:
            raise self._error(error, what) from error

    def _error(self, error: Any, what: str) -> RankingError:
        code, details = error.code(), error.details()
        advice = {
            grpc.StatusCode.UNAVAILABLE: " No model server answers there: start one (`srp4ctr serve MODEL_DIR`), or "
            "mend the address.",
            grpc.StatusCode.DEADLINE_EXCEEDED: f" No answer within {self._timeout_seconds} seconds: raise "
            "timeout_seconds, or send fewer candidates.",
            grpc.StatusCode.RESOURCE_EXHAUSTED: f" Is a message larger than {self._max_message_bytes} bytes? Raise "
            "max_message_bytes, or send fewer candidates.",
        }.get(code, "")
        message = f"{self._address}, model '{self._model_name}', {what}: {code.name}: {details}{advice}"
        return RankingError(message, code, details)
