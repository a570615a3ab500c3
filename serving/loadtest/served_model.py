"""What a served model takes and gives, asked of its server."""

from __future__ import annotations

from typing import Any, NamedTuple

import grpc
from tensorflow_serving.apis import get_model_metadata_pb2, prediction_service_pb2_grpc

from serving import contract
from serving.advice import advice
from serving.errors import ServingError

_SIGNATURES = "signature_def"
_TIMEOUT_SECONDS = 10.0
_MESSAGE_BYTES = 4 * 2**20  # gRPC's own limit


class ServedModel(NamedTuple):
    """The inputs of `encode_user`, name -> TensorInfo, and the tasks that `score_items` gives."""

    user_inputs: dict[str, Any]
    tasks: list[str]


def ask(address: str, name: str) -> ServedModel:
    """Asks for the latest version.

    Raises:
        ServingError: The server doesn't answer, or the model is none of this package's.
    """
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=[_SIGNATURES])
    request.model_spec.name = name
    with grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        try:
            response = stub.GetModelMetadata(request, timeout=_TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            code = error.code()
            words = error.details() or ""
            hint = advice(code, words, _TIMEOUT_SECONDS, _MESSAGE_BYTES)
            raise ServingError(
                f"{address}: model '{name}' can't be asked for its signatures: {code.name}: "
                f"{words}. {hint}".rstrip()
            ) from error
    signatures = get_model_metadata_pb2.SignatureDefMap.FromString(
        response.metadata[_SIGNATURES].value
    ).signature_def
    missing = {contract.ENCODE_USER, contract.SCORE_ITEMS} - set(signatures)
    if missing:
        raise ServingError(
            f"{address}: model '{name}' has no signature {', '.join(sorted(missing))}"
        )
    tasks = sorted(signatures[contract.SCORE_ITEMS].outputs)
    return ServedModel(dict(signatures[contract.ENCODE_USER].inputs), tasks)
