"""By which version a client makes its requests, and what the keys of states may leave out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from types import SimpleNamespace
from typing import Any, cast

import grpc
import numpy as np
import pytest

from serving import contract
from serving.cache import CachedState, StateCache
from serving.channel_options import ChannelOptions
from serving.connection import Answer, Connection, Metadata, RankingError
from serving.contract import Description
from serving.deadline import Deadline
from serving.inputs import User
from serving.io import BlockingIo
from serving.signatures import Signatures
from serving.states import Freshness, States
from serving.versions import Requests, Versions

SHORT, LONG = 1, 2  # versions, by how many behaviours count
HISTORY_LENGTHS = {SHORT: 2, LONG: 4}
CONTEXT: dict[int, tuple[str, ...]] = {SHORT: (), LONG: ("context_device",)}
ANNA = {"user_id": "anna", "history_item_id": list("abcdef")}


def info(rank: int) -> Any:
    return SimpleNamespace(dtype=7, tensor_shape=SimpleNamespace(dim=[None] * rank))


USER = {"user_id": info(1), "history_item_id": info(2)}
INPUTS = {contract.ENCODE_USER: USER, contract.DESCRIBE: {contract.REQUEST: info(1)}}


class Server:
    """In place of a Connection: a server of one version, whose states say what they are made of."""

    model_name = "toy"

    def __init__(self, latest: int) -> None:
        self.latest = latest
        self.rolls_back_after_encoding = False
        self.asked = 0  # how often, which version is the latest
        self.encoded = 0  # users

    async def metadata(self, deadline: Deadline, version: int | None = None) -> Metadata:
        self.asked += version is None
        if version is not None:
            self._check(version)
        return Metadata(INPUTS, version or self.latest)

    async def run(
        self,
        signature: str,
        requests: Sequence[dict[str, np.ndarray]],
        deadline: Deadline,
        version: int | None = None,
    ) -> list[Answer]:
        answering = version or self.latest
        self._check(answering)
        answers = []
        for inputs in requests:
            outputs: dict[str, Any] = {}
            if signature == contract.DESCRIBE:
                outputs = {contract.DESCRIPTION: [describe(answering).to_json()]}
            else:
                self.encoded += 1
                made_of = b"".join(inputs["history_item_id"][0])
                outputs = {contract.USER_STATE: np.array([made_of], object)}
            answers.append(Answer(outputs, answering))
        if signature == contract.ENCODE_USER and self.rolls_back_after_encoding:
            self.latest = SHORT
        return answers

    def _check(self, version: int) -> None:
        if version != self.latest:
            raise RankingError("", grpc.StatusCode.NOT_FOUND, "")


def describe(version: int) -> Description:
    return Description(
        max_candidates=10,
        max_history=100,
        history_length=HISTORY_LENGTHS[version],
        tasks=("click",),
        state_identity=f"toy{version}",
        state_dtype="float32",
        user_inputs=("user_id",),
        context_inputs=CONTEXT[version],
        history_inputs=("history_item_id",),
    )


class Kept:
    """A cache that shows what is in it."""

    def __init__(self) -> None:
        self.states: dict[str, CachedState] = {}

    def get(self, key: str) -> CachedState | None:
        return self.states.get(key)

    def put(self, key: str, state: CachedState) -> None:
        self.states[key] = state

    def delete(self, key: str) -> None:
        self.states.pop(key, None)


class Client:
    """What of a client makes states."""

    def __init__(
        self,
        server: Server,
        caches: Sequence[StateCache] = (),
        version_seconds: float = 3600,
        ignored: Collection[str] = (),
    ) -> None:
        connection = cast(Connection, server)
        self.versions = Versions(connection, version_seconds)
        io = BlockingIo("localhost:9", ChannelOptions())  # which asks nobody
        freshness = Freshness(60, frozenset(ignored), version_seconds)
        self.states = States(io, connection, self.versions, caches, freshness)

    def encode(self) -> tuple[bytes, int]:
        """What a new state is made of, and by which version."""
        state = BlockingIo.run(self.states.encode([ANNA], Deadline(9)))
        return state.blobs[0], state.version

    def state_of(self, user: User) -> tuple[bytes, int]:
        """What a state for ranking is made of, and by which version."""
        state = BlockingIo.run(self.states.of(user, Deadline(9)))
        return state.blobs[0], state.version

    def ask_in_two_requests(self) -> int:
        """The version that answers."""

        def build(version: Signatures) -> tuple[str, Requests]:
            return contract.DESCRIBE, [{}, {}]

        answers = BlockingIo.run(self.versions.run_latest(build, Deadline(9)))
        return answers[0].version


def test_several_requests_move_to_a_later_version() -> None:
    """They are all sent to one version, so that no answer tells of a later one."""
    server = Server(SHORT)
    client = Client(server, version_seconds=0)
    assert client.ask_in_two_requests() == SHORT
    server.latest = LONG
    assert client.ask_in_two_requests() == LONG


def test_the_latest_version_is_not_asked_for_within_its_seconds() -> None:
    server = Server(SHORT)
    client = Client(server, version_seconds=3600)
    for _ in range(3):
        client.ask_in_two_requests()
    assert server.asked == 1


def test_what_a_later_version_answers_is_made_of_all_that_counts_there() -> None:
    server = Server(SHORT)
    client = Client(server)
    assert client.encode() == (b"ef", SHORT)
    server.latest = LONG
    assert client.encode() == (b"cdef", LONG)


def test_no_state_of_too_few_behaviours_goes_into_a_cache() -> None:
    server = Server(SHORT)
    cache = Kept()
    client = Client(server, [cache])
    assert client.state_of(ANNA) == (b"ef", SHORT)
    server.latest = LONG
    assert client.state_of(ANNA | {"user_id": "ben"}) == (b"cdef", LONG)
    kept = {key.split("/")[2]: state.blob for key, state in cache.states.items()}
    assert kept == {str(SHORT): b"ef", str(LONG): b"cdef"}


def test_a_version_that_counts_fewer_behaviours_is_asked_once() -> None:
    server = Server(LONG)
    client = Client(server)
    client.encode()
    server.latest = SHORT
    before = server.encoded
    assert client.encode() == (b"cdef", SHORT)  # which takes no notice of the first two
    assert server.encoded == before + 1


def test_a_later_version_that_answers_and_goes() -> None:
    """A server that was rolled back at once: what counts there can't be known any more."""
    server = Server(SHORT)
    client = Client(server)
    client.encode()
    server.latest = LONG
    server.rolls_back_after_encoding = True
    assert client.encode() == (b"ef", SHORT)


@pytest.mark.parametrize("name", ["history_item_id", "user_id", "context_devise"])
def test_only_context_may_be_ignored(name: str) -> None:
    """Else users with different histories would share a state, and a slip would ignore nothing."""
    client = Client(Server(LONG), [Kept()], ignored=("context_device", name))
    message = (
        f"ignored_context: the model has no context input '{name}' to ignore, only context_device."
    )
    for _ in range(2):
        with pytest.raises(ValueError, match=message):
            client.state_of(ANNA)


def test_what_only_a_later_version_knows_may_be_ignored_once_it_is_there() -> None:
    server = Server(SHORT)
    client = Client(server, [Kept()], ignored=("context_device",))
    with pytest.raises(
        ValueError, match="no context input 'context_device' to ignore: it has none"
    ):
        client.state_of(ANNA)
    server.latest = LONG
    assert client.state_of(ANNA) == (b"cdef", LONG)
