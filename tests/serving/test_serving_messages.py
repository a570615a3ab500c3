"""The client's own messages against TensorFlow's, and tensors both ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
    status_pb2,
)

from serving import messages, tensors

ORIGINALS = {
    "Tensor": tensor_pb2.TensorProto,
    "TensorShape": tensor_shape_pb2.TensorShapeProto,
    "Dim": tensor_shape_pb2.TensorShapeProto.Dim,
    "TensorInfo": meta_graph_pb2.TensorInfo,
    "SignatureDef": meta_graph_pb2.SignatureDef,
    "SignatureDefMap": get_model_metadata_pb2.SignatureDefMap,
    "ModelSpec": model_pb2.ModelSpec,
    "PredictRequest": predict_pb2.PredictRequest,
    "PredictResponse": predict_pb2.PredictResponse,
    "StatusProto": status_pb2.StatusProto,
    "ModelVersionStatus": get_model_status_pb2.ModelVersionStatus,
    "GetModelStatusRequest": get_model_status_pb2.GetModelStatusRequest,
    "GetModelStatusResponse": get_model_status_pb2.GetModelStatusResponse,
    "GetModelMetadataRequest": get_model_metadata_pb2.GetModelMetadataRequest,
    "GetModelMetadataResponse": get_model_metadata_pb2.GetModelMetadataResponse,
}
ARRAYS = [
    np.array([[1.5, np.nan], [-np.inf, 0]], np.float32),
    np.array([1.5, 2], np.float16),
    np.array([1e300], np.float64),
    np.array([[-7]], np.int8),
    np.array([200], np.uint8),
    np.array([-300], np.int16),
    np.array([60000], np.uint16),
    np.array([-(2**31)], np.int32),
    np.array([2**32 - 1], np.uint32),
    np.array([-(2**63), 2**63 - 1], np.int64),
    np.array([2**64 - 1], np.uint64),
    np.array([True, False]),
    np.array([[b"a\0", b"", b"\xff"]], object),
    np.array(3.0, np.float32),
    np.zeros((0, 2), np.int64),
]


def ids(array: np.ndarray) -> str:
    return f"{array.dtype}{list(array.shape)}"


def messages_class(name: str) -> Any:
    return messages._CLASSES[name]


def repeats(message_class: Any, field: str) -> bool:
    return hasattr(getattr(message_class(), field), "__len__") and not isinstance(
        getattr(message_class(), field), (str, bytes)
    )


@pytest.mark.parametrize("name", ORIGINALS)
def test_fields_have_the_numbers_and_wire_types_of_the_original(name: str) -> None:
    original = ORIGINALS[name].DESCRIPTOR.fields_by_name
    enum = 14
    int32 = 5  # the same on the wire
    for field in messages_class(name).DESCRIPTOR.fields:
        theirs = original[field.name]
        kind = int32 if theirs.type == enum else theirs.type
        assert (field.number, field.type) == (theirs.number, kind)
        assert repeats(messages_class(name), field.name) == repeats(ORIGINALS[name], field.name)


@pytest.mark.parametrize("array", ARRAYS, ids=ids)
@pytest.mark.parametrize("write", [tensors.write, tensors.write_typed])
def test_tensorflow_reads_what_we_write(
    array: np.ndarray, write: Callable[[np.ndarray, Any], None]
) -> None:
    ours = messages.PredictRequest()
    write(array, ours.inputs["x"])
    theirs = predict_pb2.PredictRequest.FromString(ours.SerializeToString())
    read = tf.make_ndarray(theirs.inputs["x"])
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize("array", ARRAYS, ids=ids)
@pytest.mark.parametrize("write", [tensors.write, tensors.write_typed])
def test_we_read_what_we_write(array: np.ndarray, write: Callable[[np.ndarray, Any], None]) -> None:
    proto = messages.Tensor()
    write(array, proto)
    read = tensors.read(messages.Tensor.FromString(proto.SerializeToString()))
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize("array", ARRAYS, ids=ids)
def test_we_read_what_tensorflow_writes(array: np.ndarray) -> None:
    theirs = tf.make_tensor_proto(array, dtype=tf.string if array.dtype == object else None)
    np.testing.assert_array_equal(
        tensors.read(messages.Tensor.FromString(theirs.SerializeToString())), array
    )


def test_numbers_go_into_the_typed_field_or_the_content() -> None:
    array = np.array([1.0, 2.0], np.float32)
    typed = messages.Tensor()
    content = messages.Tensor()
    tensors.write_typed(array, typed)
    tensors.write(array, content)
    assert list(typed.float_val) == [1.0, 2.0] and not typed.tensor_content
    assert content.tensor_content == array.tobytes() and not content.float_val


def test_the_last_value_repeats() -> None:
    proto = messages.Tensor(dtype=1, float_val=[1.0, 2.0])
    proto.tensor_shape.dim.add(size=4)
    assert tensors.read(proto).tolist() == [1.0, 2.0, 2.0, 2.0]


def test_bad_tensors_are_refused() -> None:
    too_many = messages.Tensor(dtype=1, float_val=[1.0, 2.0])
    too_many.tensor_shape.dim.add(size=1)
    short = messages.Tensor(dtype=1, tensor_content=b"1234")
    short.tensor_shape.dim.add(size=2)
    unknown_shape = messages.Tensor(dtype=1)
    unknown_shape.tensor_shape.dim.add(size=-1)
    for proto in (too_many, short, unknown_shape, messages.Tensor(dtype=20)):
        with pytest.raises(ValueError):
            tensors.read(proto)
    with pytest.raises(ValueError, match="complex64"):
        tensors.write(np.array([1j], np.complex64), messages.Tensor())
