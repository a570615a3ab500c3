"""The clients' channel: TLS, gRPC's retries, and a server that goes away and comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest

from serving.client import ChannelOptions, RankingClient, RankingError, Tls
from serving.server_options import NetworkOptions, ServerOptions
from tests.serving import certificates, toy_ranker
from tests.serving.blocking import BlockingAsyncClient, Client, MakeClient
from tests.serving.conftest import StartServer

TIMEOUT_SECONDS = 20
ANNA = {"user_id": "1", "age": 0.5, "history_item_id": ["7", "8"]}  # state 3.5


@pytest.fixture(params=[RankingClient, BlockingAsyncClient])
def make(request: pytest.FixtureRequest) -> Iterator[MakeClient]:
    clients = []

    def connect(address: str, timeout_seconds: float = TIMEOUT_SECONDS, **channel: Any) -> Client:
        clients.append(
            request.param(address, toy_ranker.NAME, timeout_seconds, ChannelOptions(**channel))
        )
        return clients[-1]

    yield connect
    for each in clients:
        each.close()


def score(client: Client) -> float:
    """The score of item 1."""
    return client.rank(ANNA, ["1"], by="click")[0][1]["click"]


@pytest.fixture
def secure(model_dir: Path, tmp_path: Path, pem: Path, start: StartServer) -> Callable[[bool], str]:
    """Starts a server that wants TLS, and with `verify_clients` the clients' certificates too."""

    def start_secure(verify_clients: bool) -> str:
        config = certificates.write_ssl_config(tmp_path / "ssl", pem, verify_clients)
        server = start(
            model_dir, options=ServerOptions(network=NetworkOptions(ssl_config_file=config))
        )
        return f"127.0.0.1:{server.grpc_port}"

    return start_secure


def tls(
    pem: Path,
    ca: str | None = "ca",
    own: str | None = None,
    server_name: str | None = certificates.SERVER_NAME,
) -> Tls:
    files = (
        {"cert_file": str(pem / f"{own}.pem"), "key_file": str(pem / f"{own}.key")} if own else {}
    )
    return Tls(ca_file=ca and str(pem / f"{ca}.pem"), server_name=server_name, **files)


NOT_ACCEPTED = "The server's certificate was not accepted: Tls.ca_file must have signed it"
ENDED = "is it a model server that wants TLS .*, or a client certificate"


@pytest.mark.slow
def test_tls(secure: Callable[[bool], str], pem: Path, make: MakeClient) -> None:
    address = secure(False)
    assert score(make(address, tls=tls(pem))) == 13.5
    refused = {
        "another authority": (tls(pem, ca="stranger"), NOT_ACCEPTED),
        "gRPC's own authorities": (tls(pem, ca=None), NOT_ACCEPTED),
        "another name": (tls(pem, server_name="other.example"), NOT_ACCEPTED),
        "in the clear": (None, ENDED),
    }
    for options, message in refused.values():
        with pytest.raises(RankingError, match=message) as caught:
            score(make(address, tls=options, attempts=1))
        assert caught.value.code == grpc.StatusCode.UNAVAILABLE


def test_tls_with_the_clients_certificate(
    secure: Callable[[bool], str], pem: Path, make: MakeClient
) -> None:
    address = secure(True)
    client = make(address, tls=tls(pem, own="client"))
    assert client.wait_until_ready(TIMEOUT_SECONDS) == 1 and score(client) == 13.5
    for refused in (tls(pem), tls(pem, own="stranger")):
        with pytest.raises(RankingError, match=ENDED) as caught:
            score(make(address, tls=refused, attempts=1))
        assert caught.value.code == grpc.StatusCode.UNAVAILABLE


def test_tls_files() -> None:
    with pytest.raises(ValueError, match="cert_file and key_file go together"):
        Tls(cert_file="cert")
    with pytest.raises(FileNotFoundError):
        RankingClient("localhost:1", channel=ChannelOptions(tls=Tls(ca_file="/no/such/file")))


@pytest.mark.parametrize("attempts", [0, 6])
def test_attempts_are_few(attempts: int) -> None:
    with pytest.raises(ValueError, match="attempts must lie between 1 and 5"):
        ChannelOptions(attempts=attempts)


class Unavailable(grpc.GenericRpcHandler):
    """A server that is unavailable whatever it is asked."""

    def __init__(self) -> None:
        self.requests = 0

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(self._refuse)

    def _refuse(self, request: bytes, context: grpc.ServicerContext) -> None:
        self.requests += 1
        context.abort(grpc.StatusCode.UNAVAILABLE, "going down")


@pytest.mark.parametrize(
    ("options", "requests"), [({}, 4), ({"attempts": 2}, 2), ({"attempts": 1}, 1)]
)
def test_an_unavailable_server_is_tried_again(
    make: MakeClient, options: dict[str, Any], requests: int
) -> None:
    handler = Unavailable()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with pytest.raises(RankingError, match="UNAVAILABLE: going down"):
            score(make(f"127.0.0.1:{port}", **options))
        assert handler.requests == requests
    finally:
        server.stop(None)


def test_a_restart_amid_traffic_costs_no_error_within_the_deadline(
    model_dir: Path, start: StartServer, make: MakeClient
) -> None:
    first = start(model_dir)
    client = make(f"127.0.0.1:{first.grpc_port}", wait_for_ready=True)
    found = []
    failed = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                found.append(score(client))
            except RankingError as error:
                failed.append(error)

    assert score(client) == 13.5
    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    first.stop(grace_seconds=5)
    before = len(found)
    start(model_dir, grpc_port=first.grpc_port)
    assert client.wait_until_ready(TIMEOUT_SECONDS) == 1
    assert score(client) == 13.5
    stop.set()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(found) > before
    assert set(found) == {13.5}
