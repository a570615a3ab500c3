"""What clients may do to a server without taking it from the others.

Idle calls, slow bodies, long queues.
"""

from __future__ import annotations

import contextlib
import gc
import gzip
import http.client
import itertools
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from http.client import HTTPMessage
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import predict_pb2

from serving import contract
from serving.server import ModelServer, NetworkOptions, RequestLimits, ServerOptions, unread_answers
from serving.server.model_api import ModelApi
from serving.server.rest import connection
from serving.server.workers import Workers
from tests.serving import wire
from tests.serving.conftest import Connect, Eventually, StartServer, Target

PREDICT = "/tensorflow.serving.PredictionService/Predict"
PATH = "/v1/models/toy:predict"
BODY = {"signature_name": "countdown", "inputs": [2]}
Send: TypeAlias = Callable[..., tuple[int, HTTPMessage, bytes]]
HalfOpen: TypeAlias = Callable[[ModelServer, int], list[grpc.Future]]


def network(**options: Any) -> ServerOptions:
    return ServerOptions(network=NetworkOptions(**options))


def is_served(target: Target) -> bool:
    """Whether a model, its status and health are all answered."""
    wire.predict(target, contract.ENCODE_USER, wire.USER)
    assert wire.states(target.model) == {1: "AVAILABLE"}
    stub = health_pb2_grpc.HealthStub(target.channel)
    answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=wire.TIMEOUT_SECONDS)
    return answer.status == health_pb2.HealthCheckResponse.SERVING


@pytest.fixture
def half_open(connect: Connect) -> Iterator[HalfOpen]:
    """Opens calls that send their headers and never a message."""
    gone = threading.Event()

    def open_calls(server: ModelServer, count: int) -> list[grpc.Future]:
        channel = connect(server).channel
        calls = [channel.stream_unary(PREDICT).future(iter(gone.wait, None)) for _ in range(count)]
        return calls

    yield open_calls
    gone.set()


def test_half_open_calls_silence_nobody(
    model_dir: Path, start: StartServer, connect: Connect, half_open: HalfOpen
) -> None:
    server = start(model_dir, options=network(grpc_max_threads=2, max_waiting_requests=2))
    calls = half_open(server, 40)
    assert is_served(connect(server))
    assert not any(call.done() for call in calls)


def test_half_open_calls_do_not_hold_up_a_drain(
    model_dir: Path, start: StartServer, half_open: HalfOpen
) -> None:
    server = start(model_dir)
    calls = half_open(server, 40)
    assert server.stop(grace_seconds=0.5)
    assert {call.code() for call in calls} <= {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNAVAILABLE,
    }


def test_a_request_that_does_not_end_is_left_by_a_drain(
    model_dir: Path, start: StartServer, connect: Connect
) -> None:
    server = start(model_dir)
    target = connect(server)
    call = target.prediction.Predict.future(wire.slow_request(target, seconds=8))
    while not server._registry._models["toy"].loaded._servables[1].users:
        assert not call.done()
    assert not server.stop(grace_seconds=0.1)
    assert call.exception() is not None


@pytest.mark.slow
def test_the_queue_has_an_end(model_dir: Path, start: StartServer, connect: Connect) -> None:
    target = connect(start(model_dir, options=network(grpc_max_threads=1, max_waiting_requests=2)))
    slow = wire.slow_request(target, seconds=2)
    calls = [target.prediction.Predict.future(slow) for _ in range(8)]
    assert wire.states(target.model) == {1: "AVAILABLE"}
    codes = [call.code() for call in calls]
    assert codes.count(grpc.StatusCode.OK) == 3
    assert codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED) == 5
    refused = next(call for call in calls if call.code() == grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert refused.details() == "The server is busy: 2 requests wait already. Send it again later."


def open_socket(target: Target, sent: bytes = b"") -> socket.socket:
    host, port = target.rest_address.split(":")
    opened = socket.create_connection((host, int(port)), timeout=wire.TIMEOUT_SECONDS)
    opened.sendall(sent)
    return opened


def is_closed(opened: socket.socket) -> bool:
    """Whether the server closes a connection without a word."""
    try:
        return opened.recv(1) == b""
    except ConnectionResetError:
        return True


def test_connections_over_the_bound_are_closed(
    model_dir: Path, start: StartServer, connect: Connect
) -> None:
    target = connect(start(model_dir, options=network(rest_max_connections=3)))
    held = [open_socket(target) for _ in range(3)]
    assert all(is_closed(open_socket(target)) for _ in range(20))
    assert is_served(target)
    held[0].close()
    for opened in held[1:]:
        opened.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert opened.recv(15) == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHost:"])
def test_connections_that_ask_for_nothing_are_closed(
    model_dir: Path,
    start: StartServer,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    sent: bytes,
) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
    target = connect(start(model_dir))
    assert is_closed(open_socket(target, sent))


def test_a_body_that_does_not_come(model_dir: Path, start: StartServer, connect: Connect) -> None:
    target = connect(start(model_dir, options=network(rest_api_timeout_in_ms=200)))
    opened = open_socket(
        target, f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode()
    )
    response = http.client.HTTPResponse(opened)
    response.begin()
    assert (response.status, response.getheader("connection")) == (408, "close")
    assert json.loads(response.read()) == {"error": "The body did not come within 0.2 s."}


def test_answers_that_nobody_reads(
    model_dir: Path, start: StartServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "READ_SECONDS", 0.2)
    server = start(model_dir, options=network(rest_max_connections=1))
    target = connect(server)
    # Little of the answer fits into the buffers of either side.
    assert server._servers is not None
    rest = server._servers[1]
    assert rest is not None
    rest._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    items = {"user_state_bytes": ["1|5"], "candidate_item_id": [["1"] * 8000]}
    body = json.dumps({"signature_name": contract.SCORE_ITEMS, "inputs": items})
    with socket.socket() as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, port = target.rest_address.split(":")
        opened.connect((host, int(port)))
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        opened.sendall((head + body).encode())
        # Its place becomes free, though it never reads.
        deadline = time.monotonic() + wire.TIMEOUT_SECONDS
        while is_closed(open_socket(target, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")):
            assert time.monotonic() < deadline


def test_half_sent_bodies_do_not_hold_up_a_drain(
    model_dir: Path, start: StartServer, connect: Connect
) -> None:
    server = start(model_dir)
    opened = open_socket(
        connect(server), f"POST {PATH} HTTP/1.1\r\nContent-Length: 9\r\nHost: x\r\n\r\n{{".encode()
    )
    assert server.stop(grace_seconds=0.5)
    with contextlib.suppress(ConnectionResetError):
        # Some versions of uvicorn say first that the request has failed.
        while opened.recv(4096):
            pass


@pytest.fixture
def send(target: Target) -> Send:
    """Sends a request to the REST port: (HTTP status, headers, body)."""
    if not target.rest_address:
        pytest.skip("TFS_REST_ADDRESS names no server")

    def send_request(
        method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, HTTPMessage, bytes]:
        client = http.client.HTTPConnection(target.rest_address, timeout=wire.TIMEOUT_SECONDS)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        client.request(method, path, body, names, encode_chunked="Transfer-Encoding" in names)
        response = client.getresponse()
        return response.status, response.headers, response.read()

    return send_request


def test_a_body_in_chunks(send: Send) -> None:
    encoded = json.dumps(BODY).encode()
    status, _, body = send(
        "POST", PATH, iter([encoded[:5], encoded[5:]]), Transfer_Encoding="chunked"
    )
    assert (status, json.loads(body)) == (200, {"outputs": [0]})


def test_a_zipped_body(send: Send) -> None:
    status, _, body = send(
        "POST", PATH, gzip.compress(json.dumps(BODY).encode()), Content_Encoding="gzip"
    )
    assert (status, json.loads(body)) == (200, {"outputs": [0]})


@pytest.mark.parametrize(
    ("body", "encoding", "expected", "message"),
    [
        (gzip.compress(bytes(100 * 2**20), mtime=0), "gzip", 413, "This one unzips to more."),
        (b"no gzip", "gzip", 400, "The body is not gzip: "),
        (gzip.compress(b"{}", mtime=0)[:-1], "gzip", 400, "The body is not gzip: it is cut"),
        (b"{}", "br", 415, "Content-Encoding must be gzip or identity. Received: 'br'"),
    ],
)
def test_bodies_that_do_not_unzip(
    send: Send, body: Any, encoding: str, expected: int, message: str
) -> None:
    status, _, answer = send("POST", PATH, body, Content_Encoding=encoding)
    assert status == expected and message in json.loads(answer)["error"]


def test_chunks_over_the_limit(model_dir: Path, start: StartServer, connect: Connect) -> None:
    options = ServerOptions(limits=RequestLimits(max_rest_bytes=10_000))
    client = http.client.HTTPConnection(
        connect(start(model_dir, options=options)).rest_address, timeout=20
    )
    client.request("POST", PATH, itertools.repeat(b" " * 999, 12), encode_chunked=True)
    response = client.getresponse()
    assert (response.status, response.getheader("connection")) == (413, "close")


def test_bytes_held_for_all_requests_have_a_bound(
    model_dir: Path, start: StartServer, connect: Connect
) -> None:
    options = ServerOptions(limits=RequestLimits(max_bytes_held=50_000))
    target = connect(start(model_dir, options=options))
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n".encode()
    response = http.client.HTTPResponse(open_socket(target, head + b" " * 60_000))
    response.begin()
    assert response.status == 429
    assert wire.http_json(target.rest_address, PATH, BODY) == (200, {"outputs": [0]})


@pytest.mark.parametrize("how", ["deadline", "cancel", "rest"])
def test_bytes_are_held_until_their_thread_is_free(
    model_dir: Path,
    start: StartServer,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    eventually: Eventually,
    how: str,
) -> None:
    begun = threading.Event()
    go_on = threading.Event()

    def wait(self: ModelApi, request: Any) -> Any:
        begun.set()
        assert go_on.wait(wire.TIMEOUT_SECONDS)
        return predict_pb2.PredictResponse()

    left = threading.Event()
    run = Workers.run

    async def run_and_tell(self: Workers, *arguments: Any, **options: Any) -> Any:
        try:
            return await run(self, *arguments, **options)
        finally:
            left.set()

    async def held() -> int:
        return server._front.held._held

    monkeypatch.setattr(ModelApi, "predict", wait)
    monkeypatch.setattr(Workers, "run", run_and_tell)
    server = start(model_dir, options=network(rest_api_timeout_in_ms=500))
    target = connect(server)
    try:
        if how == "rest":
            assert wire.http_json(target.rest_address, PATH, BODY)[0] == 504
        else:
            request = wire.predict_request(contract.ENCODE_USER, wire.USER)
            call = target.prediction.Predict.future(request, timeout=1 if how == "deadline" else 60)
            assert begun.wait(wire.TIMEOUT_SECONDS)
            if how == "cancel":
                call.cancel()
            assert call.exception() if how == "deadline" else call.cancelled()
        assert left.wait(wire.TIMEOUT_SECONDS)
        assert server._front.loop.run(held()) > 0
    finally:
        go_on.set()
    eventually(lambda: server._front.loop.run(held()) == 0)


def test_head_and_options(send: Send) -> None:
    status, headers, body = send("HEAD", "/v1/models/toy")
    assert (status, body) == (200, b"") and int(headers["content-length"]) > 0
    for path, allowed in ((PATH, "POST, OPTIONS"), ("/v1/models/toy", "GET, HEAD, OPTIONS")):
        status, headers, body = send("OPTIONS", path)
        assert (status, headers["allow"], body) == (204, allowed, b"")


@pytest.mark.parametrize(
    "value",
    [
        b"[" * 5000 + b"1" + b"]" * 5000,
        b"[" * 40 + b"1" + b"]" * 40,
        b"[%s]" % (b"9" * 5000),
        b"[%s]" % (b"9" * 4000),
    ],
    ids=["5000 lists", "40 lists", "5000 digits", "4000 digits"],
)
@pytest.mark.parametrize(
    "document",
    [
        b'{"signature_name": "countdown", "inputs": %s}',
        b'{"signature_name": "countdown", "instances": %s}',
        b'{"signature_name": "encode_user", "inputs": {"user_id": ["1"], "age": %s, '
        b'"history_item_id": [["7"]]}}',
    ],
    ids=["whole numbers", "rows", "floats"],
)
def test_json_that_goes_too_far(
    send: Send, caplog: pytest.LogCaptureFixture, document: bytes, value: bytes
) -> None:
    status, _, answer = send("POST", PATH, document % value)
    assert status == 400 and json.loads(answer)["error"]
    assert not caplog.records


@pytest.mark.parametrize("text", [b"\\ud800", b"\\udcff", b"x\\uDBFF\\u0041"])
@pytest.mark.parametrize(
    ("method", "document"),
    [
        ("predict", b'{"signature_name": "%s", "inputs": [2]}'),
        ("predict", b'{"signature_name": "encode_user", "instances": [{"%s": 1}]}'),
        ("predict", b'{"signature_name": "describe", "inputs": ["%s"]}'),
        ("classify", b'{"examples": [{"%s": 1}]}'),
        ("regress", b'{"context": {"%s": 1}, "examples": [{}]}'),
    ],
)
def test_half_a_character(
    send: Send, caplog: pytest.LogCaptureFixture, method: str, document: bytes, text: str
) -> None:
    status, _, answer = send("POST", f"/v1/models/toy:{method}", document % text)
    expected = {"error": "JSON Parse error: The surrogate pair in string is invalid."}
    assert (status, json.loads(answer)) == (400, expected)
    assert not caplog.records


@pytest.mark.parametrize(
    ("method", "document"),
    [
        ("predict", b'{"signature_name": "\xff", "inputs": [2]}'),
        ("classify", b'{"examples": [{"\xff": 1}]}'),
        ("regress", b'{"context": {"\xff": 1}, "examples": [{}]}'),
    ],
)
def test_names_that_are_no_utf8(
    send: Send, caplog: pytest.LogCaptureFixture, method: str, document: bytes
) -> None:
    status, _, answer = send("POST", f"/v1/models/toy:{method}", document)
    assert status == 400 and b"is a name, and no UTF-8" in answer
    assert not caplog.records


def test_whole_characters_may_be_escaped(send: Send) -> None:
    document = b'{"signature_name": "\\ud83d\\ude00\\\\ud800", "inputs": [2]}'
    status, _, answer = send("POST", PATH, document)
    assert status == 400
    assert "\N{GRINNING FACE}\\ud800" in json.loads(answer)["error"]


def long_answer() -> bytes:
    """A request whose answer is longer than what an `unread` channel takes."""
    items = {"user_state_bytes": ["1|5"] * 2, "candidate_item_id": [["1"] * 8000] * 2}
    return wire.predict_request(contract.SCORE_ITEMS, items).SerializeToString()


def test_connections_on_which_nobody_reads_grpc_answers_are_closed(
    model_dir: Path,
    start: StartServer,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    eventually: Eventually,
) -> None:
    monkeypatch.setattr(unread_answers, "READ_SECONDS", 0.2)
    server = start(model_dir)
    target = connect(server)
    channel = grpc.insecure_channel(target.grpc_address, options=wire.UNREAD)
    states: list[grpc.ChannelConnectivity] = []
    channel.subscribe(states.append)
    call = channel.unary_stream(PREDICT)(long_answer())
    ready = grpc.ChannelConnectivity.READY
    eventually(lambda: ready in states and states[-1] != ready)
    eventually(lambda: server._front.held._held == 0)
    call.cancel()
    channel.close()
    assert is_served(target)


def test_unread_grpc_answers_have_a_bound(
    model_dir: Path, start: StartServer, connect: Connect, eventually: Eventually
) -> None:
    limits = RequestLimits(max_bytes_held=200_000)  # for one answer, and a request
    target = connect(start(model_dir, options=ServerOptions(limits=limits)))
    request = long_answer()
    channel = grpc.insecure_channel(target.grpc_address, options=wire.UNREAD)
    unread = []

    def is_full() -> bool:
        try:
            target.channel.unary_unary(PREDICT)(request, timeout=wire.TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            return True
        return False

    def is_filled() -> bool:
        # Several at once may leave no room for any one's answer.
        unread.append(channel.unary_stream(PREDICT)(request))
        return is_full()

    eventually(is_filled)
    for call in unread:
        call.cancel()
    eventually(lambda: not is_full())
    channel.close()


@pytest.mark.slow
def test_refused_requests_are_freed_at_once(
    model_dir: Path, start: StartServer, connect: Connect
) -> None:
    target = connect(start(model_dir))
    call = target.channel.unary_unary(PREDICT)
    refused = wire.predict_request("nope", {"x": [b"x" * 2**20]}).SerializeToString()
    code, _ = wire.error_of(call, refused)
    assert code == grpc.StatusCode.FAILED_PRECONDITION
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for _ in range(10):
            wire.error_of(call, refused)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert held < 3 * len(refused)
