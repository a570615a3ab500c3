"""A gRPC connection to one model on a TensorFlow Serving server, without importing TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import grpc
import numpy as np

from serving import messages, tensors
from serving.advice import advice
from serving.deadline import Deadline
from serving.errors import ServingError
from serving.io import Io

_PREDICTION = "/tensorflow.serving.PredictionService"
_MODEL = "/tensorflow.serving.ModelService"
_AVAILABLE = 30  # ModelVersionStatus.State.AVAILABLE


class RankingError(ServingError):
    """A request that the model server refused, or didn't answer.

    Args:
        message: What failed where, and what to try.
        code: The gRPC status code.
        details: The server's own words.
    """

    def __init__(self, message: str, code: grpc.StatusCode, details: str) -> None:
        super().__init__(message)
        self.code = code
        self.details = details

    @property
    def out_of_time(self) -> bool:
        """Whether another caller, with a deadline of its own, might have fared better."""
        return self.code in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)


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
        io: The channel, and how to wait for its answers.
        address: The server's address, for messages.
        model_name: The model's name on the server.
        max_message_bytes: Bytes of the largest request or response, for messages.
    """

    def __init__(self, io: Io, address: str, model_name: str, max_message_bytes: int) -> None:
        self.model_name = model_name
        self._io = io
        self._address = address
        self._max_message_bytes = max_message_bytes
        self._predict = self._method(
            f"{_PREDICTION}/Predict", messages.PredictRequest, messages.PredictResponse
        )
        self._get_metadata = self._method(
            f"{_PREDICTION}/GetModelMetadata",
            messages.GetModelMetadataRequest,
            messages.GetModelMetadataResponse,
        )
        self._get_status = self._method(
            f"{_MODEL}/GetModelStatus",
            messages.GetModelStatusRequest,
            messages.GetModelStatusResponse,
        )

    async def run(
        self,
        signature: str,
        requests: Sequence[Mapping[str, np.ndarray]],
        deadline: Deadline,
        version: int | None = None,
    ) -> list[Answer]:
        """Runs a signature on a version, the latest for None, once per request, concurrently.

        Args:
            signature: Its name.
            requests: Inputs by name, for each request.
            deadline: The time for all of them.
            version: The version.

        Raises:
            RankingError: The server refused or didn't answer one of them.
        """
        protos = [self._request(signature, inputs, version) for inputs in requests]
        responses = await self._call(self._predict, protos, deadline, f"signature '{signature}'")
        answers = []
        for response in responses:
            outputs: dict[str, np.ndarray] = {}
            for name, proto in sorted(response.outputs.items()):
                outputs[name] = tensors.read(proto)
            answers.append(Answer(outputs, response.model_spec.version.value))
        return answers

    async def metadata(self, deadline: Deadline, version: int | None = None) -> Metadata:
        """The signatures of a version, the latest for None.

        Raises:
            RankingError: The server refused or didn't answer.
        """
        request = messages.GetModelMetadataRequest(metadata_field=["signature_def"])
        self._name_model(request, version)
        (response,) = await self._call(self._get_metadata, [request], deadline, "metadata")
        signatures = messages.SignatureDefMap.FromString(response.metadata["signature_def"].value)
        inputs: dict[str, dict[str, Any]] = {}
        for name, signature in signatures.signature_def.items():
            inputs[name] = dict(signature.inputs)
        return Metadata(inputs, response.model_spec.version.value)

    async def available_versions(self, deadline: Deadline) -> list[int]:
        """The versions that the server says it serves.

        Raises:
            RankingError: The server refused or didn't answer; NOT_FOUND if it doesn't know the
                model.
        """
        request = messages.GetModelStatusRequest()
        self._name_model(request, None)
        (response,) = await self._call(self._get_status, [request], deadline, "status")
        available: list[int] = []
        for status in response.model_version_status:
            if status.state == _AVAILABLE:
                available.append(status.version)
        return available

    def _method(self, path: str, request: Any, response: Any) -> Any:
        return self._io.channel.unary_unary(
            path,
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )

    def _request(
        self, signature: str, inputs: Mapping[str, np.ndarray], version: int | None
    ) -> Any:
        request = messages.PredictRequest()
        self._name_model(request, version)
        request.model_spec.signature_name = signature
        for name, array in inputs.items():
            tensors.write(array, request.inputs[name])
        return request

    def _name_model(self, request: Any, version: int | None) -> None:
        request.model_spec.name = self.model_name
        if version is not None:
            request.model_spec.version.value = version

    async def _call(
        self, method: Any, requests: Sequence[Any], deadline: Deadline, what: str
    ) -> list[Any]:
        # A request that leaves without time would load the server for nothing.
        seconds = deadline.remaining()
        if not seconds:
            raise self.error(grpc.StatusCode.DEADLINE_EXCEEDED, "The time was up.", deadline, what)
        try:
            return await self._io.call_all(method, requests, seconds)
        except grpc.RpcError as error:
            raise self.error(error.code(), error.details(), deadline, what) from error

    def error(
        self, code: grpc.StatusCode, details: str, deadline: Deadline, what: str
    ) -> RankingError:
        """The error of a request about `what`, with advice."""
        hint = advice(code, details, deadline.seconds, self._max_message_bytes)
        message = (
            f"{self._address}, model '{self.model_name}', {what}: {code.name}: {details} {hint}"
        )
        return RankingError(message.rstrip(), code, details)
