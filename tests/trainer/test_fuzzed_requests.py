"""Hostile requests to an exported ranker behind the local model server; `make fuzz-serving` sends
10,000."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from serving import contract
from tests import floods
from tests.fuzzing import (
    PROPER,
    FuzzedServer,
    fuzz,
    good_requests,
    outputs_of,
    server_process,
)
from tests.trainer.conftest import Exported

pytestmark = pytest.mark.slow
NAME = "fuzzed"
COUNT = int(os.environ.get("FUZZ_REQUESTS", "400"))
_CLOSED_SECONDS = 120  # after which a connection with unread answers isn't closed any more
_MOST_GROWTH = 128 * 2**20  # bytes, of what lies free for a moment, too
_MOST_TAKEN = (
    768 * 2**20
)  # bytes, of a server that is sent 60 MiB at a time: messages and their copies, no objects
SEED = int(os.environ.get("FUZZ_SEED", "0"))


@pytest.fixture(scope="module")
def server(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FuzzedServer]:
    """One for all tests: to start TensorFlow and load the ranker takes as long as a test."""
    models = tmp_path_factory.mktemp("fuzzed")
    shutil.copytree(exported.folder, models / "1")
    with server_process(models, NAME) as server:
        yield server


@pytest.fixture(scope="module")
def good(exported: Exported) -> list[Any]:
    return good_requests(exported.folder, NAME)


def test_floods_are_refused_and_harm_nobody(server: FuzzedServer, good: list[Any]) -> None:
    # The first of them: what was taken before would hide what is taken now.
    expected = [outputs_of(server, request) for request in good]
    before = server.most_resident_bytes()
    with floods.idle_callers(server.address, server.rest_address):
        assert [outputs_of(server, request) for request in good] == expected
    for name, message in (*floods.messages(NAME), *floods.promises(NAME)):
        code, details, _ = server.send(message)
        assert code in PROPER and code.name != "OK", f"{name}: {code}: {details}"
    for name, body in floods.documents():
        status = floods.post(server.rest_address, NAME, body)
        assert status in (400, 413, 429), f"{name}: {status}"
    assert [outputs_of(server, request) for request in good] == expected
    taken = server.most_resident_bytes() - before
    print(f"\nFloods: {taken >> 20} MiB more than before at most")
    assert taken < _MOST_TAKEN


def test_answers_that_nobody_reads_keep_nobody_waiting(
    server: FuzzedServer, good: list[Any]
) -> None:
    expected = [outputs_of(server, request) for request in good]
    (request,) = (
        request
        for request in good
        if request.model_spec.signature_name == contract.ENCODE_USER_EXAMPLES
    )
    with floods.unread_answers(server.address, server.rest_address, request) as closed:
        assert [outputs_of(server, request) for request in good] == expected
        assert closed.wait(_CLOSED_SECONDS)


def test_hostile_requests_get_a_proper_status_and_harm_nobody(
    server: FuzzedServer, good: list[Any]
) -> None:
    before = server.resident_bytes()
    found = fuzz(server, good, COUNT, SEED, _MOST_GROWTH)
    after = server.resident_bytes()
    print(
        f"\n{COUNT} requests, seed {SEED}; resident MiB before {before >> 20}, after {after >> 20}"
    )
    for (kind, status), count in sorted(found.items()):
        print(f"  {kind:8} {status:20} {count}")
    assert sum(found.values()) == COUNT
    assert {status for _, status in found} >= {"OK", "INVALID_ARGUMENT", "NOT_FOUND"}
