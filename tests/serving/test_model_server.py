"""Starting and stopping: ports, directories, signals."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import grpc
import numpy as np
import pytest

from serving import contract
from serving.client import RankingClient
from serving.server import (
    NetworkOptions,
    RuntimeOptions,
    ServerOptions,
    ServerStartError,
)
from tests.serving import toy_ranker, wire
from tests.serving.conftest import Connect, Eventually, Push, StartServer, Target

SERVE = "import sys; from serving.server import serve; serve(sys.argv[1], 'toy', 0, 0)"


@pytest.mark.parametrize("option", ["grpc_port", "rest_port"])
def test_a_taken_port(model_dir: Path, start: StartServer, option: str) -> None:
    taken = getattr(start(model_dir), option)
    with pytest.raises(
        ServerStartError, match=rf"can't listen on 127.0.0.1:{taken}.*Choose another port"
    ):
        start(model_dir, **{option: taken})


def test_a_missing_directory(tmp_path: Path, start: StartServer) -> None:
    missing = tmp_path / "nowhere"
    message = rf"{missing}: no such directory. Expected {missing}/<number>/saved_model.pb."
    with pytest.raises(ServerStartError, match=f"^{re.escape(message)}$"):
        start(missing)


def test_a_directory_without_a_version(tmp_path: Path, start: StartServer) -> None:
    (tmp_path / "latest").mkdir()
    message = (
        f"{tmp_path}: no version of model 'toy' in it. Expected {tmp_path}/<number>/saved_model.pb."
    )
    with pytest.raises(ServerStartError, match=f"^{re.escape(message)}$"):
        start(tmp_path)


def test_a_broken_first_version(model_dir: Path, start: StartServer) -> None:
    (model_dir / "1" / "saved_model.pb").write_bytes(b"no model")
    with pytest.raises(ServerStartError, match="model 'toy' can't be served. version 1: "):
        start(model_dir)


@pytest.mark.parametrize(("option", "value"), [("num_versions", 0), ("poll_seconds", -1)])
def test_arguments_that_make_no_sense(
    model_dir: Path, start: StartServer, option: str, value: int
) -> None:
    with pytest.raises(ServerStartError, match=f"Received: {option}={value}"):
        start(model_dir, **{option: value})


def test_no_grpc_port(model_dir: Path, start: StartServer, tmp_path: Path) -> None:
    socket = tmp_path / "grpc.sock"
    server = start(
        model_dir,
        grpc_port=None,
        options=ServerOptions(network=NetworkOptions(grpc_socket_path=socket)),
    )
    assert server.grpc_port is None
    assert wire.http_json(f"127.0.0.1:{server.rest_port}", "/v1/models/toy")[0] == 200
    with RankingClient(f"unix:{socket}", "toy") as client:
        client.wait_until_ready()


def test_rest_has_threads_of_its_own(model_dir: Path, start: StartServer, connect: Connect) -> None:
    """gRPC's only thread is busy; REST is answered all the same."""
    network = NetworkOptions(grpc_max_threads=1, rest_api_num_threads=1)
    server = start(model_dir, options=ServerOptions(network=network))
    target = connect(server)
    gate = threading.Event()
    server._front.workers._pool.submit(gate.wait)
    request = wire.predict_request("countdown", {"n": np.array([1], np.int64)})
    call = target.prediction.Predict.future(request, timeout=wire.TIMEOUT_SECONDS)
    body = {"signature_name": "countdown", "inputs": [1]}
    assert wire.http_json(target.rest_address, "/v1/models/toy:predict", body) == (
        200,
        {"outputs": [0]},
    )
    assert not call.done()
    gate.set()
    assert wire.outputs(call.result())["n"].tolist() == [0]


def test_polling_no_more_than_once(
    model_dir: Path, saved: dict[int, Path], start: StartServer, push: Push
) -> None:
    """The thread waits for a new configuration and for nothing else."""
    server = start(model_dir, poll_seconds=0)
    push(saved[2], model_dir)
    manager = server._registry._models["toy"]
    manager._thread.join(timeout=0.3)
    assert manager._thread.is_alive() and server.versions == [1]
    server.stop()
    assert not manager._thread.is_alive()


def test_without_warm_up(model_dir: Path, saved: dict[int, Path], start: StartServer) -> None:
    toy_ranker.write_warmup(model_dir / "1", [toy_ranker.warmup_log("no number")])
    with pytest.raises(ServerStartError, match="can't be served"):
        start(model_dir)
    start(model_dir, options=ServerOptions(runtime=RuntimeOptions(warm_up=False)))


def test_wait_returns_after_stop(model_dir: Path, start: StartServer) -> None:
    server = start(model_dir)
    assert not server.wait(timeout_seconds=0.01)
    server.stop()
    assert server.wait(timeout_seconds=0)


@pytest.mark.slow
def test_stop_drains_both_protocols(
    model_dir: Path, start: StartServer, connect: Connect, eventually: Eventually
) -> None:
    server = start(model_dir)
    target = connect(server)
    request = wire.slow_request(target, seconds=2)
    call = target.prediction.Predict.future(request, timeout=wire.TIMEOUT_SECONDS)
    body = {
        "signature_name": "countdown",
        "inputs": wire.tf.make_ndarray(request.inputs["n"]).tolist(),
    }
    answers = []
    rest = threading.Thread(
        target=lambda: answers.append(
            wire.http_json(target.rest_address, "/v1/models/toy:predict", body)
        )
    )
    rest.start()
    eventually(
        lambda: server._registry._models["toy"].loaded._servables[1].users == 2
    )  # both have arrived
    server.stop()
    assert wire.outputs(call.result())["n"].tolist() == [0]
    rest.join()
    assert answers == [(200, {"outputs": [0]})]
    with pytest.raises(ConnectionRefusedError):
        wire.http_json(target.rest_address, "/v1/models/toy")


RETRIES = (
    "import sys; from serving.server import ModelOptions, ServerOptions, serve; "
    "models = ModelOptions(load_retries=9, load_retry_seconds=3600); "
    "serve(sys.argv[1], 'toy', 0, 0, options=ServerOptions(models=models))"
)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_server_that_still_starts(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"no graph")
    process = subprocess.Popen(
        [sys.executable, "-c", RETRIES, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None and process.stdout is not None
        # It waits for the next try by now.
        assert any("can't be loaded, 9 tries left" in line for line in process.stderr)
        process.send_signal(number)
        assert process.wait(timeout=60) == 0
        assert process.stdout.read() == "Stopped\n"
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_sigterm_drains(model_dir: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(model_dir)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == f"Model 'toy' from {model_dir}, version(s) 1\n"
        grpc_address = re.fullmatch(r"gRPC: (127.0.0.1:\d+)\n", process.stdout.readline())
        rest_address = re.fullmatch(
            r"REST: http://(\S+)/v1/models/toy\n", process.stdout.readline()
        )
        assert grpc_address is not None and rest_address is not None
        target = Target(grpc_address[1], rest_address[1])
        assert wire.http_json(target.rest_address, "/v1/models/toy")[0] == 200
        call = target.prediction.Predict.future(
            wire.slow_request(target, seconds=2), timeout=wire.TIMEOUT_SECONDS
        )
        wire.predict(
            target, "countdown", {"n": np.array([1], np.int64)}
        )  # by now the slow one has arrived, too
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "Draining\n"
        assert wire.outputs(call.result())["n"].tolist() == [0]
        assert process.wait(timeout=60) == 0
        assert process.stdout.read() == "Stopped\n"
        refused = wire.error_of(
            target.prediction.Predict, wire.predict_request(contract.ENCODE_USER, wire.USER)
        )
        assert refused[0] == grpc.StatusCode.UNAVAILABLE
    finally:
        process.kill()
        process.wait()
