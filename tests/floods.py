"""Requests and callers that would take a server's memory, threads or connections if nothing bounded
them."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator

import grpc

_PREDICT = "/tensorflow.serving.PredictionService/Predict"
# Just within what the server reads.
_MESSAGE_BYTES = 60 * 2**20
_DOCUMENT_BYTES = 15 * 2**20
_CHANNELS = 4
_HALF_OPEN = 200
_CONNECTIONS = 1100


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


def _field(number: int, content: bytes) -> bytes:
    """A field of bytes, or of a message."""
    size = len(content)
    encoded = bytearray()
    while size > 127:
        encoded.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2, *encoded, size]) + content
