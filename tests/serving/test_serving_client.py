"""RankingClient and AsyncRankingClient against a server, by numbers."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import numpy as np
import pytest

from serving import contract
from serving.client import ChannelOptions, RankingClient, RankingError, UserState
from serving.deadline import Deadline
from serving.server import ModelServer
from tests.serving import toy_ranker
from tests.serving.blocking import BlockingAsyncClient, Client, MakeClient
from tests.serving.conftest import Eventually, Push, StartServer, Target

ANNA = {"user_id": "1", "age": 0.5, "history_item_id": ["7", "8"]}  # state 3.5
BEN = {"user_id": 2, "history_item_id": ["9"]}  # state 3
TIMEOUT_SECONDS = 20
ClientOf: TypeAlias = Callable[[ModelServer], Client]


@pytest.fixture(params=[RankingClient, BlockingAsyncClient])
def make(request: pytest.FixtureRequest) -> Iterator[MakeClient]:
    """Makes clients of either kind, and closes them after the test."""
    clients = []

    def connect(address: str, *arguments: Any, **options: Any) -> Client:
        clients.append(request.param(address, *arguments, **options))
        return clients[-1]

    yield connect
    for each in clients:
        each.close()


@pytest.fixture
def client(target: Target, make: MakeClient) -> Client:
    return make(target.grpc_address, toy_ranker.NAME, TIMEOUT_SECONDS)


@pytest.fixture
def client_of(make: MakeClient) -> ClientOf:
    return lambda server: make(f"127.0.0.1:{server.grpc_port}", toy_ranker.NAME, TIMEOUT_SECONDS)


def test_encode_then_score(client: Client) -> None:
    state = client.encode_user(ANNA)
    assert state == UserState([b"1|3.500000"], version=1)
    scores = client.score_items(state, ["1", "2", ""])
    assert list(scores) == ["click", "order"]
    np.testing.assert_allclose(scores["click"], [[13.5, 23.5, 0]])
    np.testing.assert_allclose(scores["order"], [[6.75, 11.75, 0]])
    assert scores["click"].dtype == np.float32


def test_several_users_share_candidates_or_have_their_own(client: Client) -> None:
    state = client.encode_user([ANNA, BEN])
    assert state.blobs == [b"1|3.500000", b"1|3.000000"]
    np.testing.assert_allclose(client.score_items(state, ["1"])["click"], [[13.5], [13.0]])
    np.testing.assert_allclose(
        client.score_items(state, [["1", "2"], ["3"]])["click"], [[13.5, 23.5], [33.0, 0.0]]
    )


def test_candidate_features_win_and_may_be_left_out(client: Client) -> None:
    state = client.encode_user(ANNA)
    candidates = {"candidate_item_id": np.array(["1", "2"]), "candidate_price": [0.25, None]}
    np.testing.assert_allclose(client.score_items(state, candidates)["click"], [[13.75, 23.5]])
    branded = {"candidate_item_id": ["1"], "candidate_brand": ["b"]}
    np.testing.assert_allclose(client.score_items(state, branded)["click"], [[1013.5]])


@pytest.mark.parametrize(
    "candidates", [["1", "2"], {"candidate_item_id": ["1", "2"]}], ids=["ids", "features"]
)
def test_predict_equals_encode_and_score(client: Client, candidates: Any) -> None:
    expected = client.score_items(client.encode_user([ANNA, BEN]), candidates)
    found = client.predict([ANNA, BEN], candidates)
    np.testing.assert_array_equal(found["click"], expected["click"])


def test_rank(client: Client) -> None:
    ranked = client.rank(ANNA, [2, 3, 1], by="click")
    assert ranked == [
        (3, {"click": 33.5, "order": 16.75}),
        (2, {"click": 23.5, "order": 11.75}),
        (1, {"click": 13.5, "order": 6.75}),
    ]
    assert client.rank(ANNA, ["2", "3", "1"], top=1, by="order") == [
        ("3", {"click": 33.5, "order": 16.75})
    ]


@pytest.mark.parametrize(
    "candidates",
    [[["1", "2"]], {"candidate_item_id": [["1", "2"]], "candidate_price": [[0.0, 0.0]]}],
    ids=["ids", "features"],
)
def test_rank_takes_the_list_of_its_one_user(client: Client, candidates: Any) -> None:
    ranked = client.rank(ANNA, candidates, by="click")
    assert [(item, scores["click"]) for item, scores in ranked] == [("2", 23.5), ("1", 13.5)]


def test_rank_takes_no_lists_of_several_users(client: Client) -> None:
    with pytest.raises(ValueError, match="takes one list of values, or 1, one a user. Received: 2"):
        client.rank(ANNA, [["1"], ["2"]], by="click")


def test_rank_needs_a_task_where_there_are_several(client: Client) -> None:
    with pytest.raises(
        ValueError, match="one of the model's tasks, click, order. Received: by=None"
    ):
        client.rank(ANNA, ["1"])


def test_left_out_features_are_absent(client: Client) -> None:
    assert client.encode_user({}).blobs == [b"1|0.000000"]
    assert client.encode_user({"user_id": None, "history_item_id": []}).blobs == [b"1|0.000000"]


@pytest.mark.parametrize("count", [1, 8000, 8001, 20_000])
def test_any_number_of_candidates(client: Client, count: int) -> None:
    """The model's description says that it takes 8,000 at once."""
    ids = [str(number) for number in range(count)]
    expected = 3.5 + 10 * np.arange(count)[None]
    np.testing.assert_allclose(client.score_items(client.encode_user(ANNA), ids)["click"], expected)
    np.testing.assert_allclose(client.predict(ANNA, ids)["click"], expected)
    ranked = client.rank(ANNA, ids, by="order", top=1)
    assert ranked == [(ids[-1], {"click": expected[0, -1], "order": expected[0, -1] / 2})]


def test_candidates_split_for_several_users(client: Client) -> None:
    ids = [[str(number) for number in range(start, start + 10_000)] for start in (0, 7)]
    found = client.score_items(client.encode_user([ANNA, BEN]), ids)["click"]
    np.testing.assert_allclose(found, [3.5 + 10 * np.arange(10_000), 3 + 10 * np.arange(7, 10_007)])


def test_only_the_latest_behaviours_are_sent(client: Client) -> None:
    """The model's description says that five count; the toy model counts what it gets."""
    assert client.encode_user({"user_id": "0", "history_item_id": list("abcdefgh")}).blobs == [
        b"1|5.000000"
    ]
    gaps = {"user_id": "0", "history_item_id": ["a", "b", "c", "", "", "", "", "", "", ""]}
    assert client.encode_user([gaps, {"history_item_id": list("abcdefgh")}]).blobs == [
        b"1|3.000000",
        b"1|5.000000",
    ]


@pytest.mark.parametrize(
    ("user", "message"),
    [
        ({"user_idd": "1"}, "Unknown feature 'user_idd'. Did you mean 'user_id'?"),
        ({"zzz": "1"}, "Unknown feature 'zzz'. Known: age, history_item_id, user_id."),
        ({"history_item_id": "1"}, "history_item_id takes a list of values. Received: '1'"),
        ({"user_id": ["1"]}, "user_id takes strings. Received: \\['1'\\]"),
        ({"age": "old"}, "age takes numbers. Received: 'old'"),
        ([], "At least one user is needed"),
    ],
)
def test_bad_users(client: Client, user: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        client.encode_user(user)


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        ([], "At least one candidate is needed"),
        ("1", "candidate_item_id takes a list of values. Received: '1'"),
        ([["1"], ["2"]], "takes one list of values, or 1, one a user. Received: 2 values"),
        (
            {"candidate_price": [1]},
            "Candidates need 'candidate_item_id'. Received: candidate_price",
        ),
        ({"candidate_item_id": ["1"], "candidate_prise": [1]}, "Did you mean 'candidate_price'?"),
        (
            {"candidate_item_id": ["1"], "candidate_price": [1, 2]},
            "candidate_price must have as many values as",
        ),
        ({"candidate_item_id": ["1"], "user_id": ["1"]}, "Unknown feature 'user_id'"),
    ],
)
def test_bad_candidates(client: Client, candidates: Any, message: str) -> None:
    state = client.encode_user(ANNA)
    with pytest.raises(ValueError, match=message):
        client.score_items(state, candidates)


def test_what_the_catalogue_can_not_know_must_be_sent_or_is_asked_for_once(
    target: Target, make: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    strict = make(target.grpc_address, toy_ranker.NAME, TIMEOUT_SECONDS, unsent="raise")
    strict.wait_until_ready()
    state = strict.encode_user(ANNA)
    message = (
        "was trained with candidate_price, which differs from one showing of an item to the next"
    )
    for call in (lambda: strict.score_items(state, ["1"]), lambda: strict.predict(ANNA, ["1"])):
        with pytest.raises(ValueError, match=message):
            call()
    strict.score_items(state, {"candidate_item_id": ["1"], "candidate_price": [2.0]})
    assert not caplog.records
    lenient = make(target.grpc_address, toy_ranker.NAME, TIMEOUT_SECONDS)
    for _ in range(3):
        lenient.score_items(state, ["1"])
    assert [message in record.getMessage() for record in caplog.records] == [True]
    with pytest.raises(
        ValueError, match="`unsent` must be warn, raise or ignore. Received: unsent='no'"
    ):
        make(target.grpc_address, toy_ranker.NAME, TIMEOUT_SECONDS, unsent="no")


def test_nobody_answers(make: MakeClient) -> None:
    client = make("127.0.0.1:9", timeout_seconds=5)
    with pytest.raises(RankingError) as caught:
        client.encode_user(ANNA)
    assert caught.value.code == grpc.StatusCode.UNAVAILABLE
    assert "127.0.0.1:9, model 'srp4ctr', metadata: UNAVAILABLE" in str(caught.value)
    assert "srp4ctr serve" in str(caught.value)


def test_unknown_model(target: Target, make: MakeClient) -> None:
    client = make(target.grpc_address, "nope", TIMEOUT_SECONDS)
    with pytest.raises(RankingError) as caught:
        client.predict(ANNA, ["1"])
    assert caught.value.code == grpc.StatusCode.NOT_FOUND
    assert caught.value.details == "Servable not found for request: Latest(nope)"


def test_too_slow(make: MakeClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(RankingError) as caught:
            make(address, timeout_seconds=0.3).encode_user(ANNA)
        assert caught.value.code == grpc.StatusCode.DEADLINE_EXCEEDED
        assert "No answer within 0.3 seconds: raise timeout_seconds" in str(caught.value)
        with pytest.raises(RankingError, match="No answer within 0.2 seconds"):
            make(address, timeout_seconds=100).rank(ANNA, ["1"], timeout_seconds=0.2)


def test_no_time_at_all(client: Client) -> None:
    state = client.encode_user(ANNA)
    with pytest.raises(RankingError, match="DEADLINE_EXCEEDED: The time was up"):
        client.score_items(state, ["1"], timeout_seconds=0)


def test_too_large(target: Target, make: MakeClient) -> None:
    channel = ChannelOptions(max_message_bytes=20_000)
    client = make(target.grpc_address, toy_ranker.NAME, TIMEOUT_SECONDS, channel)
    state = client.encode_user(ANNA)
    with pytest.raises(
        RankingError, match="larger than 20000 bytes. Raise max_message_bytes"
    ) as caught:
        client.score_items(state, ["1"] * 8_000)
    assert caught.value.code == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_state_of_another_version_is_refused(client: Client) -> None:
    with pytest.raises(
        RankingError, match="signature 'score_items': INVALID_ARGUMENT: .*another model version"
    ):
        client.score_items(UserState([b"7|5"], version=1), ["1"])


def test_rank_survives_a_version_roll_between_its_requests(
    saved: dict[int, Path],
    model_dir: Path,
    start: StartServer,
    push: Push,
    eventually: Eventually,
    client_of: ClientOf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = start(model_dir)
    client = client_of(server)
    rolled: list[bool] = []

    def roll_before_scoring(signature: str) -> None:
        if signature == "score_items" and not rolled:
            rolled.append(True)
            push(saved[2], model_dir)
            eventually(lambda: server.versions == [2])

    before_each_request(client, monkeypatch, roll_before_scoring)
    assert client.rank(ANNA, ["1"], by="click") == [("1", {"click": 13.5, "order": 6.75})]
    assert rolled
    assert client.counts()["renewed"] == 1


def test_rank_makes_a_refused_state_anew_only_once_then_does_without(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    requested: list[str] = []
    before_each_request(client, monkeypatch, requested.append)
    monkeypatch.setattr(client._ranking.states, "encode", always_refused)
    assert client.rank(ANNA, ["1"], by="click") == [("1", {"click": 13.5, "order": 6.75})]
    assert (requested.count("score_items"), requested.count("predict")) == (2, 1)


async def always_refused(users: Any, deadline: Deadline) -> UserState:
    return UserState([b"7|5"], 1)


def before_each_request(
    client: Client, monkeypatch: pytest.MonkeyPatch, act: Callable[[str], object]
) -> None:
    """Calls `act` with the signature before each of the client's requests."""
    connection = client._ranking.connection
    run = connection.run

    async def acting(signature: str, *arguments: Any) -> Any:
        act(signature)
        return await run(signature, *arguments)

    monkeypatch.setattr(connection, "run", acting)


def test_ready(
    saved: dict[int, Path],
    model_dir: Path,
    start: StartServer,
    client_of: ClientOf,
    make: MakeClient,
    eventually: Eventually,
    tmp_path: Path,
) -> None:
    server = start(model_dir)
    assert client_of(server).wait_until_ready(TIMEOUT_SECONDS) == 1
    other = make(f"127.0.0.1:{server.grpc_port}", "nope")
    with pytest.raises(RankingError, match="'nope', status: NOT_FOUND"):
        other.wait_until_ready(0.5)


def test_ready_only_when_a_server_answers(
    saved: dict[int, Path], model_dir: Path, start: StartServer, make: MakeClient
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    client = make(f"127.0.0.1:{port}", toy_ranker.NAME)
    with pytest.raises(RankingError, match="UNAVAILABLE|DEADLINE_EXCEEDED"):
        client.wait_until_ready(0.5)
    start(model_dir, grpc_port=port)
    assert client.wait_until_ready(TIMEOUT_SECONDS) == 1


def test_not_ready_while_scoring_fails(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server may call a model available that can't score."""

    def break_scoring(signature: str) -> None:
        if signature == "score_items":
            raise RankingError("broken", grpc.StatusCode.INTERNAL, "broken")

    before_each_request(client, monkeypatch, break_scoring)
    with pytest.raises(RankingError, match="broken"):
        client.wait_until_ready(TIMEOUT_SECONDS)


def test_a_state_is_scored_by_its_own_version(
    saved: dict[int, Path],
    model_dir: Path,
    start: StartServer,
    push: Push,
    eventually: Eventually,
    client_of: ClientOf,
) -> None:
    server = start(model_dir, num_versions=2)
    client = client_of(server)
    state = client.encode_user(ANNA)
    push(saved[2], model_dir)
    eventually(lambda: server.versions == [2, 1])
    assert client.encode_user(ANNA).version == 2
    assert client.score_items(state, ["1"])["click"].tolist() == [[13.5]]


def test_a_new_versions_inputs_are_learnt(
    saved: dict[int, Path],
    model_dir: Path,
    start: StartServer,
    push: Push,
    eventually: Eventually,
    client_of: ClientOf,
) -> None:
    server = start(model_dir)
    client = client_of(server)
    client.encode_user(ANNA)
    push(saved[3], model_dir)
    eventually(lambda: server.versions == [3])
    timed = ANNA | {"timestamp": 1_700_000_000, "history_timestamp": [1, 2]}
    assert client.encode_user(timed).version == 3
    with pytest.raises(ValueError, match="timestamp is a whole number and must be given"):
        client.encode_user(ANNA)
    without_history = {"user_id": "1", "timestamp": 1_700_000_000}
    assert client.encode_user(without_history).blobs == [b"3|1.000000"]
    with pytest.raises(ValueError, match="history_timestamp is a whole number and must be given"):
        client.encode_user(ANNA | {"timestamp": 1})


def test_a_client_that_knows_the_old_inputs_asks_again(
    saved: dict[int, Path],
    model_dir: Path,
    start: StartServer,
    push: Push,
    eventually: Eventually,
    client_of: ClientOf,
) -> None:
    server = start(model_dir)
    client = client_of(server)
    timed = {"user_id": "1", "timestamp": 5}
    with pytest.raises(ValueError, match="Unknown feature 'timestamp'"):
        client.encode_user(timed)
    push(saved[3], model_dir)
    eventually(lambda: server.versions == [3])
    assert client.encode_user(timed).version == 3


def test_a_model_of_another_kind(
    tmp_path: Path, saved: dict[int, Path], start: StartServer, client_of: ClientOf
) -> None:
    import tensorflow as tf

    class Other(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None])])
        def __call__(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"y": x}

    tf.saved_model.save(Other(), str(tmp_path / "1"))
    with pytest.raises(ValueError, match="no signature 'describe', only .*serving_default"):
        client_of(start(tmp_path)).encode_user(ANNA)


def test_a_version_of_the_release_before_whose_states_have_their_old_name(
    tmp_path: Path, start: StartServer, client_of: ClientOf
) -> None:
    toy_ranker.save(tmp_path, 1, state_name=contract.OLD_USER_STATE)
    client = client_of(start(tmp_path))
    assert client.wait_until_ready() == 1
    expected = client.predict(ANNA, ["1", "2"])
    scores = client.score_items(client.encode_user(ANNA), ["1", "2"])
    assert {task: found.tolist() for task, found in scores.items()} == {
        task: found.tolist() for task, found in expected.items()
    }
    assert len(client.rank(ANNA, ["1", "2"], by="click")) == 2


def test_the_client_imports_neither_tensorflow_nor_what_trains_models() -> None:
    script = (
        "import sys, serving.client; heavy = {'tensorflow', 'tf_keras', 'keras', 'tfx', "
        "'apache_beam', 'pandas'}; "
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
