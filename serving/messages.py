"""The messages of TensorFlow Serving's prediction service, without importing TensorFlow.

`tensorflow_serving.apis` imports TensorFlow and with it Keras, which takes an application seconds
and hundreds of megabytes. A client needs ten small messages; they are declared here with the field
numbers of the original .proto files, which is all that the wire knows, in a descriptor pool of
their own, so that they never clash with TensorFlow's. tests/serving/test_serving_messages.py
compares them with the originals.
"""

from __future__ import annotations

from serving.proto_schema import Schema, message_classes

_SCHEMA: Schema = {
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
    "TensorInfo": {
        "name": (1, "string"),
        "dtype": (2, "int32"),
        "tensor_shape": (3, "TensorShape"),
    },
    "SignatureDef": {
        "inputs": (1, "{}TensorInfo"),
        "outputs": (2, "{}TensorInfo"),
        "method_name": (3, "string"),
    },
    "SignatureDefMap": {"signature_def": (1, "{}SignatureDef")},
    "Version": {"value": (1, "int64")},
    "ModelSpec": {
        "name": (1, "string"),
        "version": (2, "Version"),
        "signature_name": (3, "string"),
    },
    "PredictRequest": {
        "model_spec": (1, "ModelSpec"),
        "inputs": (2, "{}Tensor"),
        "output_filter": (3, "[]string"),
    },
    "PredictResponse": {"outputs": (1, "{}Tensor"), "model_spec": (2, "ModelSpec")},
    "AnyMessage": {"type_url": (1, "string"), "value": (2, "bytes")},
    "StatusProto": {"error_code": (1, "int32"), "error_message": (2, "string")},
    "ModelVersionStatus": {
        "version": (1, "int64"),
        "state": (2, "int32"),
        "status": (3, "StatusProto"),
    },
    "GetModelStatusRequest": {"model_spec": (1, "ModelSpec")},
    "GetModelStatusResponse": {"model_version_status": (1, "[]ModelVersionStatus")},
    "GetModelMetadataRequest": {"model_spec": (1, "ModelSpec"), "metadata_field": (2, "[]string")},
    "GetModelMetadataResponse": {"model_spec": (1, "ModelSpec"), "metadata": (2, "{}AnyMessage")},
}


_CLASSES = message_classes("srp4ctr.serving", _SCHEMA)
Tensor = _CLASSES["Tensor"]
SignatureDefMap = _CLASSES["SignatureDefMap"]
PredictRequest = _CLASSES["PredictRequest"]
PredictResponse = _CLASSES["PredictResponse"]
GetModelStatusRequest = _CLASSES["GetModelStatusRequest"]
GetModelStatusResponse = _CLASSES["GetModelStatusResponse"]
GetModelMetadataRequest = _CLASSES["GetModelMetadataRequest"]
GetModelMetadataResponse = _CLASSES["GetModelMetadataResponse"]
