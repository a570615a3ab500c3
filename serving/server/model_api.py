"""What the model server answers, whichever protocol asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal

import grpc
from tensorflow.core.protobuf.meta_graph_pb2 import TensorInfo
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)

from serving import contract
from serving.server.admission import Admission, count_cells
from serving.server.classify import classify
from serving.server.config.model_config import parse_model_configs
from serving.server.errors import RequestError, invalid_argument
from serving.server.example_shapes import example_shapes
from serving.server.limits import check_counts, check_inputs
from serving.server.metrics import UNKNOWN_MODEL, Metrics
from serving.server.multi_inference import multi_inference
from serving.server.predict import predict
from serving.server.registry import ModelRegistry
from serving.server.regress import regress
from serving.server.session import ModelSession
from serving.server.versions import Servable
from serving.server_options import RequestLimits, ServerOptions

SIGNATURE_DEF = "signature_def"
Protocol = Literal["GRPC", "REST"]
_Answer = Callable[[ModelSession, Any, int, RequestLimits], Any]


class ModelApi:
    """Answers requests with protos.

    Every method raises RequestError with TensorFlow Serving's code and message.

    Args:
        registry: The models.
        options: What requests may ask for.
        metrics: Where they are counted.
    """

    def __init__(self, registry: ModelRegistry, options: ServerOptions, metrics: Metrics) -> None:
        self.registry = registry
        self.metrics = metrics
        self.limits = options.limits
        self.admission = Admission(options.limits)
        self._allow_reload = options.models.allow_reload

    def predict(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        """The PredictResponse to a PredictRequest."""
        with self._servable(request) as servable:
            check_inputs(request.inputs, self.limits)
            examples = example_shapes(request.inputs, self.limits.max_values)
            for name, shape in examples.items():
                check_counts(name, shape, self.limits)
            with self.admission.cells(count_cells(request.inputs, examples)):
                began = time.monotonic()
                response = predict(servable.session, request, servable.version)
            latency = self.metrics.runtime_latency.labels(request.model_spec.name, "Predict", "TF2")
            latency.observe((time.monotonic() - began) * 1e6)
            return response

    def classify(
        self, request: classification_pb2.ClassificationRequest
    ) -> classification_pb2.ClassificationResponse:
        """The ClassificationResponse to a ClassificationRequest."""
        _check_spec(request)
        return self._infer(request.model_spec, request, classify)

    def regress(
        self, request: regression_pb2.RegressionRequest
    ) -> regression_pb2.RegressionResponse:
        """The RegressionResponse to a RegressionRequest."""
        _check_spec(request)
        return self._infer(request.model_spec, request, regress)

    def multi_inference(
        self, request: inference_pb2.MultiInferenceRequest
    ) -> inference_pb2.MultiInferenceResponse:
        """The MultiInferenceResponse to a request whose first task says which version."""
        spec = request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec()
        return self._infer(spec, request, multi_inference)

    def get_model_metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """The GetModelMetadataResponse to a GetModelMetadataRequest: the signatures."""
        _check_spec(request)
        if not request.metadata_field:
            raise invalid_argument(
                "GetModelMetadataRequest must specify at least one metadata_field"
            )
        for field in request.metadata_field:
            if field != SIGNATURE_DEF:
                raise invalid_argument(f"Metadata field {field} is not supported")
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        signatures = get_model_metadata_pb2.SignatureDefMap()
        with self._servable(request) as servable:
            for name, signature in servable.session.signatures.items():
                signatures.signature_def[name].CopyFrom(signature)
            response.model_spec.name = request.model_spec.name
            response.model_spec.version.value = servable.version
        response.metadata[SIGNATURE_DEF].Pack(signatures)
        return response

    def get_model_status(
        self, request: get_model_status_pb2.GetModelStatusRequest
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """The GetModelStatusResponse to a request: the state of one version, or of all."""
        _check_spec(request)
        spec = request.model_spec
        statuses = self.registry.statuses(spec.name)
        if spec.HasField("version"):
            version = spec.version.value
            if version not in statuses:
                message = f"Could not find version {version} of model {spec.name}"
                raise RequestError(grpc.StatusCode.NOT_FOUND, message)
            statuses = {version: statuses[version]}
        if not statuses:
            raise RequestError(
                grpc.StatusCode.NOT_FOUND, f"Could not find any versions of model {spec.name}"
            )
        response = get_model_status_pb2.GetModelStatusResponse()
        for version, found in statuses.items():
            status = response.model_version_status.add(version=version, state=found.state)
            status.status.error_code = found.code.value[0]
            status.status.error_message = found.message
        return response

    def reload_config(
        self, request: model_management_pb2.ReloadConfigRequest
    ) -> model_management_pb2.ReloadConfigResponse:
        """The ReloadConfigResponse to a ReloadConfigRequest, once new models are available."""
        if not self._allow_reload:
            raise RequestError(
                grpc.StatusCode.PERMISSION_DENIED,
                "HandleReloadConfigRequest is off: it lets any client choose what is served. "
                "Start the server with --allow_reload_config to allow it.",
            )
        self.registry.reload(parse_model_configs(request.config))
        response = model_management_pb2.ReloadConfigResponse()
        response.status.SetInParent()
        return response

    def signature_inputs(self, request: predict_pb2.PredictRequest) -> dict[str, TensorInfo]:
        """The inputs, name -> TensorInfo, of the signature that a PredictRequest names."""
        name = request.model_spec.signature_name or contract.SERVING_DEFAULT
        with self._servable(request) as servable:
            if name not in servable.session.signatures:
                raise invalid_argument(
                    f'Serving signature name: "{name}" not found in signature def'
                )
            return dict(servable.session.signatures[name].inputs)

    @contextmanager
    def counted(self, model_name: str, protocol: Protocol, api: str = "Predict") -> Iterator[None]:
        """Counts a request by its status, and times it if it succeeds.

        Args:
            model_name: The model that it names.
            protocol: How it came.
            api: The method's name over gRPC; TensorFlow Serving takes REST's from the path, in
                small letters.
        """
        began = time.monotonic()
        code = grpc.StatusCode.UNKNOWN
        try:
            yield
            code = grpc.StatusCode.OK
        except RequestError as error:
            code = error.code
            raise
        finally:
            name = model_name if self.registry.serves(model_name) else UNKNOWN_MODEL
            self.metrics.requests.labels(name, code.name).inc()
            if code == grpc.StatusCode.OK:
                latency = self.metrics.request_latency.labels(
                    name, api if protocol == "GRPC" else api.lower(), protocol
                )
                latency.observe((time.monotonic() - began) * 1e6)

    def _infer(self, spec: model_pb2.ModelSpec, request: Any, answer: _Answer) -> Any:
        with self.registry.use(spec) as servable:
            return answer(servable.session, request, servable.version, self.limits)

    def _servable(self, request: Any) -> AbstractContextManager[Servable]:
        _check_spec(request)
        return self.registry.use(request.model_spec)


def _check_spec(request: Any) -> None:
    if not request.HasField("model_spec"):
        raise invalid_argument("Missing ModelSpec")
