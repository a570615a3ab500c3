"""Sockets, TLS, limits, health and metrics."""

from __future__ import annotations

import logging
import re
import shutil
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from preprocessing.statistics.as_of import AsOf
from serving import contract
from serving.server import NetworkOptions, RequestLimits, ServerOptions, ServerStartError
from tests.serving import certificates, wire
from tests.serving.conftest import Connect, Eventually, Push, StartServer, Target

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def network(**options: Any) -> ServerOptions:
    return ServerOptions(network=NetworkOptions(**options))


def encode(channel: grpc.Channel) -> predict_pb2.PredictResponse:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    return stub.Predict(
        wire.predict_request(contract.ENCODE_USER, wire.USER), timeout=wire.TIMEOUT_SECONDS
    )


def page(target: Target, path: str) -> str:
    with urllib.request.urlopen(
        f"http://{target.rest_address}{path}", timeout=wire.TIMEOUT_SECONDS
    ) as response:
        return response.read().decode()


def health(target: Target, service: str = "") -> int:
    stub = health_pb2_grpc.HealthStub(target.channel)
    return stub.Check(
        health_pb2.HealthCheckRequest(service=service), timeout=wire.TIMEOUT_SECONDS
    ).status


def test_a_unix_socket(model_dir: Path, tmp_path: Path, start: StartServer) -> None:
    socket = tmp_path / "s"
    start(model_dir, options=network(grpc_socket_path=socket))
    with grpc.insecure_channel(f"unix:{socket}") as channel:
        assert encode(channel).model_spec.version.value == 1


def test_a_unix_socket_that_cant_be_made(
    model_dir: Path, tmp_path: Path, start: StartServer
) -> None:
    with pytest.raises(ServerStartError, match="can't listen on unix:.*Choose another path"):
        start(model_dir, options=network(grpc_socket_path=tmp_path / "nowhere" / "s"))


def test_channel_arguments_reach_grpc(
    model_dir: Path, start: StartServer, connect: Connect
) -> None:
    target = connect(
        start(
            model_dir, options=network(grpc_channel_arguments="grpc.max_receive_message_length=100")
        )
    )
    code, _ = wire.error_of(
        target.prediction.Predict, wire.predict_request(contract.ENCODE_USER, wire.USER)
    )
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED


def services_by_reflection(target: Target) -> set[str]:
    stub = reflection_pb2_grpc.ServerReflectionStub(target.channel)
    requests = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    (answer,) = stub.ServerReflectionInfo(requests, timeout=wire.TIMEOUT_SECONDS)
    return {service.name for service in answer.list_services_response.service}


def test_reflection_is_off_unless_asked_for(
    model_dir: Path, start: StartServer, connect: Connect
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        services_by_reflection(connect(start(model_dir)))
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    found = services_by_reflection(connect(start(model_dir, options=network(grpc_reflection=True))))
    assert {"tensorflow.serving.PredictionService", "tensorflow.serving.ModelService"} < found


def test_channel_arguments_need_a_value(model_dir: Path, start: StartServer) -> None:
    with pytest.raises(ServerStartError, match="expected name=value,... Received: 'grpc.x'"):
        start(model_dir, options=network(grpc_channel_arguments="grpc.x"))


def secure_channel(address: str, pem: Path, **files: str) -> grpc.Channel:
    """A channel that trusts the authority and shows a certificate, if one is named."""
    texts = [(pem / name).read_bytes() for name in ("ca.pem", *files.values())]
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(*texts))


@pytest.mark.parametrize("verify_clients", [False, True])
def test_tls(
    model_dir: Path, tmp_path: Path, pem: Path, start: StartServer, verify_clients: bool
) -> None:
    config = certificates.write_ssl_config(tmp_path / "ssl", pem, verify_clients)
    address = f"localhost:{start(model_dir, options=network(ssl_config_file=config)).grpc_port}"
    shown = {"key": "client.key", "cert": "client.pem"} if verify_clients else {}
    with secure_channel(address, pem, **shown) as channel:
        assert encode(channel).model_spec.version.value == 1
    refused = secure_channel(address, pem) if verify_clients else grpc.insecure_channel(address)
    with refused as channel, pytest.raises(grpc.RpcError) as caught:
        encode(channel)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"server_key": ""}, "server_key is missing"),
        ({"custom_ca": "", "client_verify": True}, "client_verify needs custom_ca"),
    ],
)
def test_tls_that_is_not_complete(
    model_dir: Path,
    tmp_path: Path,
    pem: Path,
    start: StartServer,
    changes: dict[str, Any],
    message: str,
) -> None:
    config = certificates.write_ssl_config(tmp_path / "ssl", pem, False, **changes)
    with pytest.raises(ServerStartError, match=message):
        start(model_dir, options=network(ssl_config_file=config))


@pytest.fixture
def limited(model_dir: Path, start: StartServer, connect: Connect) -> Target:
    limits = RequestLimits(max_message_bytes=10_000, max_rows=3, max_candidates=6, max_history=8)
    return connect(start(model_dir, options=ServerOptions(limits=limits)))


def test_messages_over_the_limit(limited: Target) -> None:
    large = wire.USER | {"user_id": ["x" * 20_000, ""]}
    code, _ = wire.error_of(
        limited.prediction.Predict, wire.predict_request(contract.ENCODE_USER, large)
    )
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
    code, document = wire.http_json(limited.rest_address, "/v1/models/toy:predict", b" " * 20_000)
    assert (code, document["error"]) == (413, "A request has at most 10000 bytes. Received: 20000")


@pytest.mark.parametrize(
    ("signature", "inputs", "message"),
    [
        ("countdown", {"n": np.ones(4, np.int64)}, "n: a request has at most 3 rows. Received: 4."),
        (
            contract.SCORE_ITEMS,
            {"user_state_bytes": ["1|5"] * 3, "candidate_item_id": [["1"] * 3] * 3},
            "candidate_item_id: a request has at most 6 values along its rows (max_candidates). "
            "Received: 9.",
        ),
        (
            contract.ENCODE_USER,
            wire.USER | {"history_item_id": [["1"] * 5] * 2},
            "history_item_id: a request has at most 8 values along its rows (max_history). "
            "Received: 10.",
        ),
    ],
)
def test_requests_over_a_limit(
    limited: Target, signature: str, inputs: Mapping[str, Any], message: str
) -> None:
    code, found = wire.error_of(limited.prediction.Predict, wire.predict_request(signature, inputs))
    assert code == grpc.StatusCode.INVALID_ARGUMENT and found.startswith(message)


def test_a_shape_that_unfolds_to_too_many_bytes(limited: Target) -> None:
    request = wire.predict_request("countdown", {"n": np.array([1], np.int64)})
    request.inputs["n"].tensor_shape.dim.add(size=2**40)
    code, message = wire.error_of(limited.prediction.Predict, request)
    assert (
        code == grpc.StatusCode.RESOURCE_EXHAUSTED
        and "Received: shape [1, 1099511627776]" in message
    )


@pytest.mark.parametrize("rank", [33, 300, 60_000])
def test_a_shape_of_too_many_dimensions(
    model_dir: Path, start: StartServer, connect: Connect, rank: int
) -> None:
    target = connect(start(model_dir))
    request = wire.predict_request("countdown", {"n": np.array([1], np.int64)})
    for _ in range(rank - 1):
        request.inputs["n"].tensor_shape.dim.add(size=2**62)
    code, message = wire.error_of(target.prediction.Predict, request)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert f"a tensor has at most 32 dimensions. Received: {rank}" in message


def test_a_content_length_that_is_no_number(limited: Target) -> None:
    host, port = limited.rest_address.split(":")
    connection = wire.http.client.HTTPConnection(host, int(port), timeout=wire.TIMEOUT_SECONDS)
    connection.putrequest("POST", "/v1/models/toy:predict")
    connection.putheader("Content-Length", "-5")
    connection.endheaders()
    assert connection.getresponse().status == 400


def test_health_needs_every_model(
    model_dir: Path, tmp_path: Path, start: StartServer, connect: Connect, eventually: Eventually
) -> None:
    target = connect(start(model_dir))
    assert health(target) == health(target, "PredictionService") == SERVING
    assert wire.http_json(target.rest_address, "/readyz") == (200, {"status": "SERVING"})
    (model_dir / "1").rename(tmp_path / "withdrawn")
    eventually(lambda: health(target) == NOT_SERVING)
    expected = (503, {"status": "NOT_SERVING", "error": "No version is available of: toy."})
    assert wire.http_json(target.rest_address, "/readyz") == expected
    assert wire.http_json(target.rest_address, "/healthz") == (200, {"status": "SERVING"})
    (tmp_path / "withdrawn").rename(model_dir / "1")
    eventually(lambda: health(target) == SERVING)


def test_watchers_are_told_of_a_drain(
    model_dir: Path, start: StartServer, connect: Connect
) -> None:
    server = start(model_dir)
    watch = health_pb2_grpc.HealthStub(connect(server).channel).Watch(
        health_pb2.HealthCheckRequest()
    )
    assert next(watch).status == SERVING
    server.stop(grace_seconds=1)
    assert next(watch).status == NOT_SERVING


def test_no_metrics_unless_asked_for(target: Target) -> None:
    if not target.rest_address:
        pytest.skip("TFS_REST_ADDRESS names no server")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        page(target, "/monitoring/prometheus/metrics")


@pytest.mark.parametrize(("path", "where"), [("", "/monitoring/prometheus/metrics"), ("/m", "/m")])
def test_metrics_have_tensorflow_servings_names(
    model_dir: Path, tmp_path: Path, start: StartServer, connect: Connect, path: str, where: str
) -> None:
    (tmp_path / "monitoring").write_text(f'prometheus_config {{ enable: true path: "{path}" }}')
    target = connect(
        start(model_dir, options=network(monitoring_config_file=tmp_path / "monitoring"))
    )
    wire.predict(target, contract.ENCODE_USER, wire.USER)
    wire.http_json(
        target.rest_address,
        "/v1/models/toy:predict",
        {"signature_name": "countdown", "inputs": [2]},
    )
    for name in ("toy", "nope"):
        wire.error_of(target.prediction.Predict, wire.predict_request("zz", {}, name=name))
    text = page(target, where)
    request_count = re.compile(
        r':tensorflow:serving:request_count\{model_name="(\w+)",status="(\w+)"\}'
    )
    counts = {}
    for line in text.splitlines():
        key, _, value = line.rpartition(" ")
        match = request_count.fullmatch(key)
        if match:
            counts[match.groups()] = float(value)
    assert counts == {
        ("toy", "OK"): 2,
        ("toy", "FAILED_PRECONDITION"): 1,
        ("unknown", "NOT_FOUND"): 1,
    }
    assert "# TYPE :tensorflow:serving:request_count counter\n" in text
    assert "# TYPE :tensorflow:serving:request_latency histogram\n" in text
    labels = '{API="predict",entrypoint="REST",model_name="toy"}'
    assert f":tensorflow:serving:request_latency_count{labels} 1.0\n" in text
    labels = f'{{model_path="{model_dir}",status="success"}}'
    assert f":tensorflow:cc:saved_model:load_attempt_count{labels} 1.0\n" in text
    assert "_created" not in text and "_total" not in text


def test_of_when_statistics_are_is_logged_and_shown_while_a_version_is_loaded(
    saved: dict[int, Path],
    tmp_path: Path,
    start: StartServer,
    connect: Connect,
    push: Push,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "monitoring").write_text('prometheus_config { enable: true path: "/m" }')
    model_dir = tmp_path / "models"
    model_dir.mkdir()
    for version, time in ((1, 1768000000), (2, 1768003600)):
        copy = tmp_path / str(version)
        shutil.copytree(saved[version], copy)
        (copy / contract.STATISTICS_AS_OF_FILE).parent.mkdir(exist_ok=True)
        (copy / contract.STATISTICS_AS_OF_FILE).write_text(AsOf(time, 5180).to_json())
    push(tmp_path / "1", model_dir)
    options = network(monitoring_config_file=tmp_path / "monitoring")
    target = connect(start(model_dir, options=options))
    assert "its statistics are as of 2026-01-09T23:06:40+00:00 (5,180 events)" in caplog.text

    def shown() -> list[str]:
        name = ":srp4ctr:serving:statistics_as_of_seconds{"
        return [line for line in page(target, "/m").splitlines() if line.startswith(name)]

    labels = '{model_name="toy",version="1"}'
    assert shown() == [f":srp4ctr:serving:statistics_as_of_seconds{labels} 1.768e+09"]
    push(tmp_path / "2", model_dir)
    labels = '{model_name="toy",version="2"}'
    last = f":srp4ctr:serving:statistics_as_of_seconds{labels} 1.7680036e+09"
    eventually(lambda: shown() == [last])
