"""Responses as JSON documents in TensorFlow Serving's shapes."""

from __future__ import annotations

import inspect
import json
from typing import Any

import numpy as np
from google.protobuf import json_format
from google.protobuf.message import Message
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2

from serving import tensors
from serving.server.errors import invalid_argument
from serving.server.model_api import SIGNATURE_DEF
from serving.server.rest.json_request import Form
from serving.server.rest.json_values import to_json

# The option that prints fields with default values; it had another name before protobuf 5.26.
_EVERY_FIELD = "always_print_fields_with_no_presence"
if _EVERY_FIELD not in inspect.signature(json_format.MessageToDict).parameters:
    _EVERY_FIELD = "including_default_value_fields"


def predict_json(response: predict_pb2.PredictResponse, form: Form) -> bytes:
    """A PredictResponse, in the form of its request.

    The row form has `predictions`, a value per row, the column form `outputs`. Where there is only
    one output, its name is left out.

    Raises:
        RequestError: An output can't be written as JSON, or has other rows than the rest.
    """
    arrays = {name: tensors.read(proto) for name, proto in sorted(response.outputs.items())}
    rows = _rows(arrays) if form == "row" else 0
    values = {name: to_json(name, array) for name, array in arrays.items()}
    if form == "column":
        return encode({"outputs": _bare(values)})
    predictions = []
    for row in range(rows):
        of_row = {name: value[row] for name, value in values.items()}
        predictions.append(_bare(of_row))
    return encode({"predictions": predictions})


def status_json(response: get_model_status_pb2.GetModelStatusResponse) -> bytes:
    """A GetModelStatusResponse."""
    return encode(_to_dict(response))


def metadata_json(response: get_model_metadata_pb2.GetModelMetadataResponse) -> bytes:
    """A GetModelMetadataResponse."""
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata[SIGNATURE_DEF].Unpack(signatures)
    metadata = {SIGNATURE_DEF: _to_dict(signatures, preserving_proto_field_name=True)}
    spec = _to_dict(response.model_spec, preserving_proto_field_name=True)
    return encode({"model_spec": spec, "metadata": metadata})


def encode(document: Any) -> bytes:
    """A JSON document as bytes."""
    return json.dumps(document, ensure_ascii=False).encode(errors="surrogateescape")


def _rows(arrays: dict[str, np.ndarray]) -> int:
    batch: int | None = None
    for name, array in arrays.items():
        if array.ndim == 0:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        if batch is not None and array.shape[0] != batch:
            raise invalid_argument(
                f"Tensor name: {name} has inconsistent batch size: {array.shape[0]} expecting: "
                f"{batch}"
            )
        batch = array.shape[0]
    return batch or 0


def _bare(values: dict[str, Any]) -> Any:
    return values if len(values) > 1 else next(iter(values.values()))


def _to_dict(message: Message, **options: Any) -> Any:
    return json_format.MessageToDict(message, **{_EVERY_FIELD: True}, **options)
