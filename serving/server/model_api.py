"""What the model server answers, whichever protocol asks: Predict, GetModelMetadata, GetModelStatus."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import grpc
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from serving import contract
from serving.server.errors import RequestError, invalid_argument
from serving.server.manager import VersionManager
from serving.server.predict import predict
from serving.server.versions import Servable

SIGNATURE_DEF = "signature_def"


class ModelApi:
    """Answers requests about one model with protos.

    Every method raises RequestError with TensorFlow Serving's code and message.

    Args:
        manager: The model's versions.
    """

    def __init__(self, manager: VersionManager) -> None:
        self._manager = manager

    def predict(self, request: Any) -> Any:
        """The PredictResponse to a PredictRequest."""
        with self._servable(request) as servable:
            return predict(servable.session, request, servable.version)

    def get_model_metadata(self, request: Any) -> Any:
        """The GetModelMetadataResponse to a GetModelMetadataRequest: the signatures."""
        _check_spec(request)
        if not request.metadata_field:
            raise invalid_argument("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != SIGNATURE_DEF:
                raise invalid_argument(f"Metadata field {field} is not supported")
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        signatures = get_model_metadata_pb2.SignatureDefMap()
        with self._servable(request) as servable:
            for name, signature in servable.session.signatures.items():
                signatures.signature_def[name].CopyFrom(signature)
            response.model_spec.name = self._manager.name
            response.model_spec.version.value = servable.version
        response.metadata[SIGNATURE_DEF].Pack(signatures)
        return response

    def get_model_status(self, request: Any) -> Any:
        """The GetModelStatusResponse to a GetModelStatusRequest: the state of one version or of all."""
        _check_spec(request)
        spec = request.model_spec
        statuses = self._manager.statuses() if spec.name == self._manager.name else {}
        if spec.HasField("version"):
            version = spec.version.value
            if version not in statuses:
                message = f"Could not find version {version} of model {spec.name}"
                raise RequestError(grpc.StatusCode.NOT_FOUND, message)
            statuses = {version: statuses[version]}
        if not statuses:
            raise RequestError(grpc.StatusCode.NOT_FOUND, f"Could not find any versions of model {spec.name}")
        response = get_model_status_pb2.GetModelStatusResponse()
        for version, found in statuses.items():
            status = response.model_version_status.add(version=version, state=found.state)
            status.status.error_code = found.code.value[0]
            status.status.error_message = found.message
        return response

    def signature_inputs(self, request: Any) -> dict[str, Any]:
        """The inputs, name -> TensorInfo, of the signature that a PredictRequest names."""
        name = request.model_spec.signature_name or contract.SERVING_DEFAULT
        with self._servable(request) as servable:
            if name not in servable.session.signatures:
                raise invalid_argument(f'Serving signature name: "{name}" not found in signature def')
            return dict(servable.session.signatures[name].inputs)

    def _servable(self, request: Any) -> AbstractContextManager[Servable]:
        _check_spec(request)
        spec = request.model_spec
        if not spec.name:
            raise invalid_argument("ModelSpec has no name specified.")
        if spec.WhichOneof("version_choice") == "version_label":
            raise invalid_argument(f"Unrecognized servable version label: {spec.version_label}")
        version = spec.version.value if spec.HasField("version") else None
        if spec.name != self._manager.name:
            wanted = f"Latest({spec.name})" if version is None else f"Specific({spec.name}, {version})"
            raise RequestError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {wanted}")
        return self._manager.use(version)


def _check_spec(request: Any) -> None:
    if not request.HasField("model_spec"):
        raise invalid_argument("Missing ModelSpec")
