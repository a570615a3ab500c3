"""Predict on one loaded model: from a request's tensors to the response's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import grpc
import numpy as np
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis import predict_pb2

from serving import contract, tensors
from serving.server.errors import RequestError, invalid_argument
from serving.server.session import ModelSession

_METHODS = tuple(f"tensorflow/serving/{method}" for method in ("predict", "classify", "regress"))


def predict(
    session: ModelSession, request: predict_pb2.PredictRequest, version: int
) -> predict_pb2.PredictResponse:
    """Answers a PredictRequest, whichever model it names.

    Args:
        session: The model.
        request: The PredictRequest.
        version: The version to report in the answer's model_spec.

    Returns:
        The PredictResponse, with numbers in the typed `*_val` fields.

    Raises:
        RequestError: As TensorFlow Serving has it, with the same code and message.
    """
    name = request.model_spec.signature_name or contract.SERVING_DEFAULT
    if name not in session.signatures:
        raise RequestError(
            grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.'
        )
    signature = session.signatures[name]
    _check_method(signature)
    _check_count(signature, request.inputs)
    feeds = _feeds(signature, request.inputs)
    # Before the model runs, so that a wrong name costs nothing.
    aliases = _aliases(signature, request.output_filter)
    outputs = run_signature(session, name, feeds)
    response = predict_pb2.PredictResponse()
    response.model_spec.name = request.model_spec.name
    response.model_spec.signature_name = name
    response.model_spec.version.value = version
    for alias in aliases:
        _write(outputs[alias], response.outputs[alias])
    return response


def run_signature(
    session: ModelSession, signature: str, feeds: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """All outputs of a signature by alias, whichever are asked for.

    The runtime keeps an optimised copy of the graph for each list of tensors that was ever fetched,
    in each order: with the lists that clients choose, a few requests would take the server's
    memory.
    """
    outputs = session.signatures[signature].outputs
    aliases = sorted(outputs)
    arrays = session.run(signature, feeds, [outputs[alias].name for alias in aliases])
    return dict(zip(aliases, arrays, strict=True))


def _check_method(signature: SignatureDef) -> None:
    if signature.method_name not in _METHODS:
        message = (
            f"Expected prediction signature method_name to be one of {{{', '.join(_METHODS)}}}. "
            f"Was: {signature.method_name}"
        )
        raise RequestError(grpc.StatusCode.INTERNAL, message)


def _check_count(signature: SignatureDef, inputs: Mapping[str, TensorProto]) -> None:
    too_few = len(inputs) < len(signature.inputs) and not _defaults(signature)
    if len(inputs) <= len(signature.inputs) and not too_few:
        return
    sent = set(inputs)
    expected = set(signature.inputs)
    raise invalid_argument(
        f"input size does not match signature: {len(sent)}!={len(expected)} len({_braced(sent)}) "
        f"!= len({_braced(expected)}). Sent extra: {_braced(sent - expected)}. Missing but "
        f"required: {_braced(expected - sent)}."
    )


def _feeds(signature: SignatureDef, inputs: Mapping[str, TensorProto]) -> dict[str, np.ndarray]:
    defaults = _defaults(signature)
    feeds = {}
    for alias, info in sorted(signature.inputs.items()):
        if alias not in inputs and alias not in defaults:
            raise invalid_argument(
                f"Signature input alias: {alias}(feed name: {info.name}) not found in request and "
                "no default value provided. Inputs expected to be in the request "
                f"{_braced(inputs)}, or default input alias set: {','.join(sorted(defaults))}"
            )
        proto = inputs[alias] if alias in inputs else defaults[alias]
        try:
            feeds[info.name] = tensors.read(proto)
        except ValueError as error:
            raise invalid_argument(f"tensor parsing error: {alias}: {error}") from None
    if not set(inputs) <= set(signature.inputs):
        used = ",".join(sorted(set(inputs) & set(signature.inputs)))
        raise invalid_argument(
            f"Inputs contains invalid name. Used request inputs: {used}, request input: "
            f"{','.join(sorted(inputs))}"
        )
    return feeds


def _aliases(signature: SignatureDef, output_filter: Iterable[str]) -> list[str]:
    """The outputs to return: those of the filter, or all."""
    chosen: list[str] = []
    for alias in output_filter:
        if alias not in signature.outputs:
            raise invalid_argument(
                f"output tensor alias not found in signature: {alias} Outputs expected to be in "
                f"the set {_braced(signature.outputs)}."
            )
        if alias in chosen:
            raise invalid_argument(f"duplicate output tensor alias: {alias}")
        chosen.append(alias)
    return chosen or sorted(signature.outputs)


def _write(array: np.ndarray, proto: TensorProto) -> None:
    try:
        tensors.write_typed(array, proto)
    except ValueError as error:
        raise RequestError(grpc.StatusCode.UNIMPLEMENTED, str(error)) from None


def _defaults(signature: SignatureDef) -> Mapping[str, TensorProto]:
    """The signature's default inputs; the messages of older TensorFlow releases have none."""
    return getattr(signature, "defaults", {})


def _braced(names: Iterable[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"
