"""A Pub/Sub subscription that can't be read is named before the job starts.

The service is a fake one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from serving.errors import ServingError
from serving.precompute.pubsub import subscribed_events

NAME = "projects/project/subscriptions/events"


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[grpc.StatusCode], None]]:
    """Sets what a Pub/Sub service answers to whatever it is asked."""
    answers: list[grpc.StatusCode] = []

    class Refusing(grpc.GenericRpcHandler):
        def service(self, details: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(
                lambda request, call: call.abort(answers[-1], "so it is")
            )

    server = grpc.server(ThreadPoolExecutor(1), handlers=[Refusing()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{port}")
    yield answers.append
    server.stop(None)


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud.pubsub_v1", None)
    with pytest.raises(ServingError, match=r"google.cloud.pubsub_v1, .*'srp4ctr\[gcs\]'"):
        subscribed_events(NAME, None)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (grpc.StatusCode.NOT_FOUND, f"there is no {NAME}. Create it, or mend its name."),
        (
            grpc.StatusCode.INVALID_ARGUMENT,
            f"must be projects/PROJECT/subscriptions/NAME. Received: {NAME}",
        ),
        (grpc.StatusCode.UNAUTHENTICATED, f"{NAME} can't be looked up: 401 so it is"),
    ],
)
def test_what_is_wrong_is_said(
    answer: Callable[[grpc.StatusCode], None], status: grpc.StatusCode, message: str
) -> None:
    answer(status)
    with pytest.raises(ServingError) as raised:
        subscribed_events(NAME, None)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    "runner", [None, "DirectRunner", "direct", "apache_beam.runners.DirectRunner"]
)
def test_who_may_only_read_it_may_not_look_at_it(
    answer: Callable[[grpc.StatusCode], None], runner: str | None
) -> None:
    answer(grpc.StatusCode.PERMISSION_DENIED)
    assert subscribed_events(NAME, runner).label == "ReadFromPubSub"


@pytest.mark.parametrize(
    "runner", ["FlinkRunner", "PortableRunner", "PrismRunner", "spark", "FnApiRunner"]
)
def test_runners_that_can_not_read_pubsub_are_named(runner: str) -> None:
    with pytest.raises(
        ServingError, match=f"only DirectRunner and DataflowRunner .* Received: --runner={runner}"
    ):
        subscribed_events(NAME, runner)
