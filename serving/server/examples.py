"""What Classify, Regress and MultiInference share: tf.Examples, and signatures that read them."""

from __future__ import annotations

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis import input_pb2, model_pb2

from serving import contract
from serving.server.errors import RequestError, invalid_argument
from serving.server.predict import run_signature
from serving.server.session import ModelSession
from serving.server_options import RequestLimits

INPUTS = "inputs"  # the name of the only input of such a signature


def serialized_examples(proto: input_pb2.Input, limits: RequestLimits) -> np.ndarray:
    """The examples of an Input, serialised, [B]; a context's features precede each example's own.

    Raises:
        RequestError: There are none, or too many.
    """
    kind = proto.WhichOneof("kind")
    found = getattr(proto, kind).examples if kind else ()
    if not found:
        raise invalid_argument("Input is empty.")
    if len(found) > limits.max_rows:
        raise invalid_argument(
            f"A request has at most {limits.max_rows} examples. Received: {len(found)}. Send "
            "several requests."
        )
    # Messages one after the other are read as one, of which later features count.
    with_context = kind == "example_list_with_context"
    context = proto.example_list_with_context.context.SerializeToString() if with_context else b""
    if len(context) * len(found) > limits.max_message_bytes:
        raise RequestError(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            f"A context in each example takes at most {limits.max_message_bytes} bytes together.",
        )
    rows = np.empty(len(found), object)
    rows[:] = [context + example.SerializeToString() for example in found]
    return rows


def signature_name(spec: model_pb2.ModelSpec) -> str:
    """The signature that a ModelSpec names."""
    return str(spec.signature_name or contract.SERVING_DEFAULT)


def find_signature(
    session: ModelSession, name: str, problem: str = "No signature was found with the name"
) -> SignatureDef:
    """A SignatureDef.

    Raises:
        RequestError: There is none of this name.
    """
    if name not in session.signatures:
        raise invalid_argument(f"{problem}: {name}")
    return session.signatures[name]


def check_inputs(signature: SignatureDef, kind: str, outputs_problem: str = "") -> None:
    """Checks that a signature has one input, of examples.

    Args:
        signature: The SignatureDef.
        kind: What it is for, for messages.
        outputs_problem: What is wrong with the number of its outputs, or "".

    Raises:
        RequestError: It has others, or there is a problem.
    """
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if outputs_problem:
        raise invalid_argument(outputs_problem)
    if INPUTS not in signature.inputs:
        raise invalid_argument(f"No {kind} inputs found in SignatureDef: {signature}")


def run(session: ModelSession, name: str, rows: np.ndarray) -> dict[str, np.ndarray]:
    """A signature's outputs by alias, for serialised examples."""
    return run_signature(session, name, {session.signatures[name].inputs[INPUTS].name: rows})


def check_dtype(array: np.ndarray, expected: tf.DType, message: str) -> None:
    """Checks the type of an output; `{}` in the message stands for the expected one.

    Raises:
        RequestError: It has another.
    """
    dtype = tf.string if array.dtype == object else tf.as_dtype(array.dtype)
    if dtype != expected:
        name_of = types_pb2.DataType.Name
        expectation = message.format(name_of(expected.as_datatype_enum))
        raise invalid_argument(f"{expectation} Got: {name_of(dtype.as_datatype_enum)}")


def show_shape(array: np.ndarray) -> str:
    """A shape in TensorFlow's words."""
    return f"[{','.join(map(str, array.shape))}]"


def fill_spec(spec: model_pb2.ModelSpec, asked: model_pb2.ModelSpec, version: int) -> None:
    """Fills the ModelSpec of an answer."""
    spec.name = asked.name
    spec.signature_name = signature_name(asked)
    spec.version.value = version
