"""Batching: several requests in one run, and its errors."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import numpy as np
import pytest

from serving import contract
from serving.server import RuntimeOptions, ServerOptions, ServerStartError
from serving.server.config.batching import BatchingParameters, read_batching_parameters
from tests.serving import wire
from tests.serving.conftest import Connect, StartServer, Target

SLOW = 5_000_000  # microseconds: batches run only when they are full
INVALID = grpc.StatusCode.INVALID_ARGUMENT
StartBatching: TypeAlias = Callable[..., Target]


@pytest.fixture
def batching(model_dir: Path, start: StartServer, connect: Connect) -> StartBatching:
    """A server with these batching parameters."""

    def start_batching(**parameters: Any) -> Target:
        parameters = {"max_batch_size": 4, "batch_timeout_micros": SLOW} | parameters
        runtime = RuntimeOptions(batching=BatchingParameters(**parameters))
        return connect(start(model_dir, options=ServerOptions(runtime=runtime)))

    return start_batching


def score(target: Target, *inputs: tuple[list[str], list[list[str]]]) -> list[Any]:
    """Answers, or errors, of concurrent score_items requests of (states, items)."""

    def one(states: list[str], items: list[list[str]]) -> Any:
        try:
            response = wire.predict(
                target,
                contract.SCORE_ITEMS,
                {"user_state_bytes": states, "candidate_item_id": items},
            )
        except grpc.RpcError as error:
            return error.code(), error.details()
        return wire.outputs(response)["click"].tolist()

    with futures.ThreadPoolExecutor(len(inputs)) as pool:
        return list(pool.map(one, *zip(*inputs, strict=True)))


def test_a_full_batch_runs_at_once_and_each_gets_its_rows(batching: StartBatching) -> None:
    target = batching()
    requests = [
        (["1|5"], [["1", "2"]]),
        (["1|6", "1|7"], [["3", "4"], ["5", "6"]]),
        (["1|8"], [["7", "8"]]),
    ]
    assert score(target, *requests) == [[[15, 25]], [[36, 46], [57, 67]], [[78, 88]]]


def test_an_incomplete_batch_runs_after_the_timeout(batching: StartBatching) -> None:
    assert score(batching(batch_timeout_micros=1000), (["1|5"], [["1"]])) == [[[15]]]


def test_signatures_and_output_filters_share_nothing_but_threads(batching: StartBatching) -> None:
    target = batching(batch_timeout_micros=1000)
    only = wire.predict(
        target,
        contract.SCORE_ITEMS,
        {"user_state_bytes": ["1|5"], "candidate_item_id": [["1"]]},
        output_filter=["order"],
    )
    assert {name: value.tolist() for name, value in wire.outputs(only).items()} == {
        "order": [[7.5]]
    }
    assert (
        len(wire.outputs(wire.predict(target, contract.ENCODE_USER, wire.USER))["user_state_bytes"])
        == 2
    )


def test_batches_are_filled_up_to_an_allowed_size(batching: StartBatching) -> None:
    target = batching(allowed_batch_sizes=(3, 4), batch_timeout_micros=1000)
    assert score(target, (["1|5"], [["1"]])) == [[[15]]]


def test_unequal_rows(batching: StartBatching) -> None:
    (found,) = score(batching(), (["1|5", "1|6"], [["1"]]))
    assert found == (INVALID, "Batching Run() input tensors must have equal 0th-dimension size")


def test_a_task_that_is_too_large(batching: StartBatching) -> None:
    (found,) = score(batching(), (["1|5"] * 5, [["1"]] * 5))
    assert found == (INVALID, "Task size 5 is larger than maximum input batch size 4")


def test_no_rows_are_the_models_own_business(batching: StartBatching) -> None:
    none = {"user_state_bytes": np.empty(0, object), "candidate_item_id": np.empty((0, 1), object)}
    response = wire.predict(batching(), contract.SCORE_ITEMS, none)
    assert wire.outputs(response)["click"].shape == (0, 1)


def test_rows_of_different_lengths_cant_share_a_batch(batching: StartBatching) -> None:
    found = score(batching(max_batch_size=2), (["1|5"], [["1"]]), (["1|6"], [["1", "2"]]))
    assert {code for code, _ in found} == {grpc.StatusCode.FAILED_PRECONDITION}
    assert all(
        "different shapes and padding is turned off. Set pad_variable" in text for _, text in found
    )


def test_padding_repeats_the_first_value_as_tensorflow_serving_does(
    batching: StartBatching,
) -> None:
    target = batching(max_batch_size=2, pad_variable_length_inputs=True)
    found = score(target, (["1|5"], [["2"]]), (["1|6"], [["1", "3", "4"]]))
    assert found == [[[25, 25, 25]], [[16, 36, 46]]]


def test_an_error_in_the_graph_fails_the_batch_and_the_next_is_right(
    batching: StartBatching,
) -> None:
    target = batching(max_batch_size=2)
    found = score(target, (["1|5"], [["1"]]), (["7|6"], [["1"]]))
    assert {code for code, _ in found} == {INVALID} and all(
        "another model version" in text for _, text in found
    )
    assert score(target, (["1|5"], [["1"]]), (["1|6"], [["1"]])) == [[[15]], [[16]]]


@pytest.mark.slow
def test_a_full_queue_is_unavailable(batching: StartBatching) -> None:
    target = batching(max_batch_size=1, max_enqueued_batches=1, num_batch_threads=1)
    request = wire.slow_request(target, seconds=1)
    calls = [
        target.prediction.Predict.future(request, timeout=wire.TIMEOUT_SECONDS) for _ in range(8)
    ]
    refused = [error for call in calls if (error := call.exception()) is not None]
    assert 1 <= len(refused) < 8
    assert {error.code() for error in refused} == {grpc.StatusCode.UNAVAILABLE}
    assert (
        "The batch scheduling queue to which this task was submitted is full"
        in refused[0].details()
    )


def test_many_concurrent_requests_get_their_own_answers(batching: StartBatching) -> None:
    target = batching(max_batch_size=16, batch_timeout_micros=500, max_enqueued_batches=1000)
    cases = list(itertools.product(range(10), range(1, 11)))
    found = score(target, *[([f"1|{user}"], [[str(item)]]) for user, item in cases])
    assert found == [[[user + 10 * item]] for user, item in cases]


def test_a_parameters_file(tmp_path: Path) -> None:
    path = tmp_path / "batching.config"
    path.write_text(
        "max_batch_size { value: 8 }\nnum_batch_threads { value: 2 }\nallowed_batch_sizes: [2, 8]"
    )
    expected = BatchingParameters(max_batch_size=8, num_batch_threads=2, allowed_batch_sizes=(2, 8))
    assert read_batching_parameters(path) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "max_batch_size: 8\nx",
            "line 1: Error parsing text-format tensorflow.serving.BatchingParameters: ",
        ),
        ("allowed_batch_sizes: [4, 2]", "must be monotonically increasing"),
        (
            "max_batch_size { value: 8 } allowed_batch_sizes: 4",
            "must match max_batch_size; last entry was 4",
        ),
        ("max_batch_size { value: 0 }", "greater than or equal to 1"),
        (
            "enable_large_batch_splitting { value: true }",
            "enable_large_batch_splitting is not supported",
        ),
    ],
)
def test_a_parameters_file_that_cant_be_used(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "batching.config"
    path.write_text(text)
    with pytest.raises(ServerStartError, match=message) as caught:
        read_batching_parameters(path)
    assert str(path) in str(caught.value)
