"""Requests and callers that would take a server's memory, threads or connections if nothing bounded
them."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from serving import contract
from tests.serving import wire

_PREDICT = "/tensorflow.serving.PredictionService/Predict"
# Just within what the server reads.
_MESSAGE_BYTES = 60 * 2**20
_DOCUMENT_BYTES = 15 * 2**20
_CHANNELS = 4
_HALF_OPEN = 200
_CONNECTIONS = 1100
_UNREAD = 16  # of each kind
_UNREAD_ROWS = 200  # users whose states are more than gRPC sends before they are read


def messages(model_name: str) -> Iterator[tuple[str, bytes]]:
    """Names and Predict requests of as many values as fit."""
    contents = {
        "empty dims": _field(2, b"\x12\x00" * (_MESSAGE_BYTES // 2)),
        "dims of 2^62": _field(2, (b"\x12\x0a\x08" + b"\x80" * 8 + b"\x40") * 60_000),
        "empty strings": b"\x42\x00" * (_MESSAGE_BYTES // 2),
        "packed numbers": _field(10, b"\x01" * _MESSAGE_BYTES),
        "unknown fields": b"\xa0\x06\x01" * (_MESSAGE_BYTES // 3),
        "empty variants": b"\x7a\x00" * (_MESSAGE_BYTES // 2),
    }
    model_spec = _field(1, _field(1, model_name.encode()))
    for name, content in contents.items():
        yield name, model_spec + _field(2, _field(1, b"x") + _field(2, content))


def promises(model_name: str) -> Iterator[tuple[str, bytes]]:
    """Names and Predict requests that are short for what they stand for: one value for a shape.

    And tf.Examples in numbers, and with features of many values.
    """
    history = "history_item_id"
    for name, shape in {
        "a value for 2^40 rows": [2**40],
        "a value for 4,096 users' 5,000 behaviours": [4096, 5000],
        "a value for 1,000 users' 1,000 behaviours": [1000, 1000],
    }.items():
        strings = tf.make_tensor_proto([b"1"], tf.string)
        yield name, _request(model_name, contract.ENCODE_USER, history, strings, shape)
    for name, blobs, rows in (
        ("an example for 4,096 users", [_example(history, 300)], 4096),
        ("5,000 examples", [b""] * 5000, 5000),
        ("an example of 1,100,000 behaviours", [_example(history, 1_100_000)], 1),
        ("an example of 900,000 behaviours", [_example(history, 900_000)], 1),
    ):
        examples = tf.make_tensor_proto(blobs, tf.string)
        yield (
            name,
            _request(
                model_name, contract.ENCODE_USER_EXAMPLES, contract.EXAMPLES, examples, [rows]
            ),
        )


def documents() -> Iterator[tuple[str, bytes]]:
    """Names and REST bodies of as many values as fit."""
    for value in (b"[]", b"1", b"{}", b'""'):
        count = _DOCUMENT_BYTES // (len(value) + 1)
        yield f"documents of {value.decode()}", b'{"instances": [%s]}' % b",".join([value] * count)
    yield "nested lists", b'{"inputs": %s1%s}' % (b"[" * 5000, b"]" * 5000)
    yield "long numbers", b'{"inputs": [%s]}' % b",".join([b"9" * 5000] * 1000)


def post(address: str, model_name: str, body: bytes) -> int:
    """The HTTP status of a REST predict request."""
    client = http.client.HTTPConnection(address, timeout=60)
    with contextlib.closing(client):
        client.request("POST", f"/v1/models/{model_name}:predict", body)
        return client.getresponse().status


@contextlib.contextmanager
def idle_callers(grpc_address: str, rest_address: str) -> Iterator[None]:
    """Half-open gRPC calls and REST connections that say nothing, while a block runs."""
    gone = threading.Event()
    host, port = rest_address.split(":")
    with contextlib.ExitStack() as stack:
        stack.callback(gone.set)
        for _ in range(_CHANNELS):
            options = [("grpc.use_local_subchannel_pool", 1)]  # a connection of its own
            channel = stack.enter_context(grpc.insecure_channel(grpc_address, options=options))
            for _ in range(_HALF_OPEN // _CHANNELS):
                channel.stream_unary(_PREDICT).future(iter(gone.wait, None))
        for _ in range(_CONNECTIONS):
            with contextlib.suppress(ConnectionError):
                stack.enter_context(socket.create_connection((host, int(port)), timeout=60))
        yield


@contextlib.contextmanager
def unread_answers(
    grpc_address: str, rest_address: str, request: predict_pb2.PredictRequest
) -> Iterator[threading.Event]:
    """Calls and connections that ask for long answers and read none, while a block runs.

    Args:
        grpc_address: The server's gRPC address.
        rest_address: Its REST address.
        request: A good request by tf.Examples, for one row. It is sent for many.

    Yields:
        What is set when the server has closed the calls' connection.
    """
    spec = request.model_spec
    (example,) = request.inputs[contract.EXAMPLES].string_val
    rows = [{"b64": base64.b64encode(example).decode()}] * _UNREAD_ROWS
    body = json.dumps({"signature_name": spec.signature_name, "instances": rows}).encode()
    head = f"POST /v1/models/{spec.name}:predict HTTP/1.1\r\nHost: x\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    many = predict_pb2.PredictRequest()
    many.CopyFrom(request)
    many.inputs[contract.EXAMPLES].tensor_shape.dim[0].size = _UNREAD_ROWS
    host, port = rest_address.split(":")
    opened = threading.Event()
    closed = threading.Event()

    def watch(state: grpc.ChannelConnectivity) -> None:
        if state == grpc.ChannelConnectivity.READY:
            opened.set()
        elif opened.is_set():
            closed.set()

    with contextlib.ExitStack() as stack:
        channel = stack.enter_context(grpc.insecure_channel(grpc_address, options=wire.UNREAD))
        channel.subscribe(watch)
        call = channel.unary_stream(_PREDICT)
        for _ in range(_UNREAD):
            stack.callback(call(many.SerializeToString()).cancel)
        for _ in range(_UNREAD):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect((host, int(port)))
            connection.sendall(head.encode() + body)
        yield closed


def _request(
    model_name: str, signature: str, name: str, tensor: tf.compat.v1.TensorProto, shape: list[int]
) -> bytes:
    """A Predict request of one tensor that says it has another shape."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model_name
    request.model_spec.signature_name = signature
    request.inputs[name].CopyFrom(tensor)
    del request.inputs[name].tensor_shape.dim[:]
    for size in shape:
        request.inputs[name].tensor_shape.dim.add(size=size)
    return request.SerializeToString()


def _example(feature: str, count: int) -> bytes:
    example = tf.train.Example()
    example.features.feature[feature].bytes_list.value.extend([b""] * count)
    return example.SerializeToString()


def _field(number: int, content: bytes) -> bytes:
    """A field of bytes, or of a message."""
    size = len(content)
    encoded = bytearray()
    while size > 127:
        encoded.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2, *encoded, size]) + content
