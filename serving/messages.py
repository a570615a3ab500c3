"""The messages of TensorFlow Serving's prediction service, without importing TensorFlow.

`tensorflow_serving.apis` imports TensorFlow and with it Keras, which takes an application seconds and hundreds of
megabytes. A client needs ten small messages; they are declared here with the field numbers of the original .proto
files, which is all that the wire knows, in a descriptor pool of their own, so that they never clash with TensorFlow's.
tests/serving/test_serving_messages.py compares them with the originals.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "srp4ctr.serving"
_FieldProto = descriptor_pb2.FieldDescriptorProto

# message -> field -> (number, type). A type is a scalar's name or a message's; [] repeats it; {} maps strings to it.
_SCHEMA: dict[str, dict[str, tuple[int, str]]] = {
    "Dim": {"size": (1, "int64")},
    "TensorShape": {"dim": (2, "[]Dim"), "unknown_rank": (3, "bool")},
    "Tensor": {
        "dtype": (1, "int32"),
        "tensor_shape": (2, "TensorShape"),
        "tensor_content": (4, "bytes"),
        "float_val": (5, "[]float"),
        "double_val": (6, "[]double"),
        "int_val": (7, "[]int32"),
        "string_val": (8, "[]bytes"),
        "int64_val": (10, "[]int64"),
        "bool_val": (11, "[]bool"),
        "half_val": (13, "[]int32"),
        "uint32_val": (16, "[]uint32"),
        "uint64_val": (17, "[]uint64"),
    },
    "TensorInfo": {"name": (1, "string"), "dtype": (2, "int32"), "tensor_shape": (3, "TensorShape")},
    "SignatureDef": {"inputs": (1, "{}TensorInfo"), "outputs": (2, "{}TensorInfo"), "method_name": (3, "string")},
    "SignatureDefMap": {"signature_def": (1, "{}SignatureDef")},
    "Version": {"value": (1, "int64")},
    "ModelSpec": {"name": (1, "string"), "version": (2, "Version"), "signature_name": (3, "string")},
    "PredictRequest": {"model_spec": (1, "ModelSpec"), "inputs": (2, "{}Tensor"), "output_filter": (3, "[]string")},
    "PredictResponse": {"outputs": (1, "{}Tensor"), "model_spec": (2, "ModelSpec")},
    "AnyMessage": {"type_url": (1, "string"), "value": (2, "bytes")},
    "GetModelMetadataRequest": {"model_spec": (1, "ModelSpec"), "metadata_field": (2, "[]string")},
    "GetModelMetadataResponse": {"model_spec": (1, "ModelSpec"), "metadata": (2, "{}AnyMessage")},
}


def _file() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="srp4ctr/serving.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _SCHEMA.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add_field(message, field, number, kind)
    return file


def _add_field(message: Any, name: str, number: int, kind: str) -> None:
    if kind.startswith("{}"):
        entry = "".join(part.title() for part in name.split("_")) + "Entry"
        nested = message.nested_type.add(name=entry, options=descriptor_pb2.MessageOptions(map_entry=True))
        _add_field(nested, "key", 1, "string")
        _add_field(nested, "value", 2, kind[2:])
        kind = f"[]{message.name}.{entry}"
    repeated, kind = kind.startswith("[]"), kind.removeprefix("[]")
    field = message.field.add(name=name, number=number)
    field.label = _FieldProto.LABEL_REPEATED if repeated else _FieldProto.LABEL_OPTIONAL
    scalar = getattr(_FieldProto, f"TYPE_{kind.upper()}", None)
    field.type = _FieldProto.TYPE_MESSAGE if scalar is None else scalar
    if scalar is None:
        field.type_name = f".{_PACKAGE}.{kind}"


def _classes() -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(_file().SerializeToString())
    descriptors = {name: pool.FindMessageTypeByName(f"{_PACKAGE}.{name}") for name in _SCHEMA}
    if hasattr(message_factory, "GetMessageClass"):  # protobuf 4.22 and later
        return {name: message_factory.GetMessageClass(descriptor) for name, descriptor in descriptors.items()}
    factory = message_factory.MessageFactory(pool)
    return {name: factory.GetPrototype(descriptor) for name, descriptor in descriptors.items()}


_CLASSES = _classes()
Tensor = _CLASSES["Tensor"]
SignatureDefMap = _CLASSES["SignatureDefMap"]
PredictRequest = _CLASSES["PredictRequest"]
PredictResponse = _CLASSES["PredictResponse"]
GetModelMetadataRequest = _CLASSES["GetModelMetadataRequest"]
GetModelMetadataResponse = _CLASSES["GetModelMetadataResponse"]
