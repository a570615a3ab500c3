"""What a client would score without a word, and can't be meant, is refused by name."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from serving.candidates import check_top
from serving.inputs import candidate_tensors, user_tensors

_TYPES = {"float": 1, "string": 7, "int64": 9}


def _info(kind: str, rank: int) -> Any:
    return SimpleNamespace(dtype=_TYPES[kind], tensor_shape=SimpleNamespace(dim=[None] * rank))


INFOS = {
    "user_id": _info("string", 1),
    "user_age": _info("float", 1),
    "timestamp": _info("int64", 1),
    "history_item_id": _info("string", 2),
    "history_price": _info("float", 2),
    "history_timestamp": _info("int64", 2),
}
NOW = 1_700_000_000
ANNA = {
    "user_id": "anna",
    "user_age": 30,
    "timestamp": NOW,
    "history_item_id": ["a", "b"],
    "history_price": [1.5, None],
    "history_timestamp": [NOW - 9, NOW],
}


def test_what_is_absent_is_none() -> None:
    new = {"user_id": "new", "timestamp": np.int64(NOW), "history_timestamp": []}
    filled = user_tensors([ANNA, new], INFOS)
    assert filled["user_age"].tolist()[0] == 30 and np.isnan(filled["user_age"][1])
    assert (
        filled["history_price"][0, 0] == 1.5 and np.isnan(filled["history_price"].ravel()[1:]).all()
    )
    assert filled["history_item_id"].tolist() == [[b"a", b"b"], [b"", b""]]
    assert filled["history_timestamp"].tolist() == [[NOW - 9, NOW], [0, 0]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"history_price": [1.5]},
            "history_price must have as many values as history_item_id. Received: 1, 2",
        ),
        (
            {"history_timestamp": []},
            "history_timestamp must have as many values as history_item_id. Received: 0, 2",
        ),
        (
            {"history_price": [1.5, float("nan")]},
            "history_price takes finite numbers, and None where it is absent",
        ),
        ({"user_age": float("inf")}, "user_age takes finite numbers"),
        (
            {"user_age": 1e39},
            "user_age takes numbers between -3.4e.38 and 3.4e.38. Received: 1e.39",
        ),
        ({"user_age": -(10**400)}, "user_age takes numbers between .*. Received: -10000"),
        ({"history_price": [None, np.float64(-1e39)]}, "history_price takes numbers between"),
        (
            {"timestamp": 10**30},
            f"timestamp takes numbers between -9.2e.18 and 9.2e.18. Received: {10**30}",
        ),
        ({"timestamp": 1e30}, "timestamp takes numbers between"),
        ({"timestamp": np.uint64(2**63 + NOW)}, "timestamp takes numbers between"),
        ({"history_timestamp": [5, -(10**400)]}, "history_timestamp takes numbers between"),
        (
            {"timestamp": NOW * 1000},
            "timestamp takes seconds since 1970; these may be milliseconds",
        ),
        ({"timestamp": -1}, "timestamp takes seconds since 1970. Received: -1"),
        ({"timestamp": float("nan")}, "timestamp takes finite numbers"),
        ({"timestamp": NOW + 0.5}, "timestamp takes whole numbers. Received: 1700000000.5"),
        ({"timestamp": int(time.time()) + 10 * 86_400}, "timestamp is in the future"),
        (
            {"history_timestamp": [NOW * 1000, NOW]},
            "history_timestamp takes seconds since 1970; these may be",
        ),
        (
            {"history_timestamp": [-5, NOW]},
            "history_timestamp takes seconds since 1970. Received: -5",
        ),
        (
            {"history_timestamp": [5, NOW + 1]},
            f"history_timestamp must not be after .*: {NOW + 1}, {NOW}",
        ),
    ],
)
def test_users_that_can_not_be_meant_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        user_tensors([ANNA, ANNA | change], INFOS)


def test_a_history_in_another_order_is_refused() -> None:
    """Its latest behaviours are kept, by their places: newest first, these would be the oldest."""
    newest_first = {
        "user_id": "ben",
        "timestamp": NOW,
        "history_item_id": ["d", "", "c", "b", "a"],
        "history_timestamp": [NOW - 1, 0, NOW - 1, NOW - 3, NOW - 2],
    }
    message = (
        "history_timestamp must not fall: the oldest behaviour comes first. Sort the lists of the "
        f"history by time. Received: for user 'ben' {NOW - 1} at place 0, and {NOW - 3} at place 3"
    )
    with pytest.raises(ValueError, match=message):
        user_tensors([ANNA, newest_first], INFOS)


def test_equal_times_padding_and_unknown_times_are_no_other_order() -> None:
    """Nor are behaviours of an unknown time, 0, which records have in any place."""
    padded = {
        "timestamp": NOW,
        "history_item_id": ["a", "b", "", "c", "d", "e", "", ""],
        "history_timestamp": [0, 7, 9, 0, NOW - 5, NOW - 5, NOW - 7, 0],
    }
    filled = user_tensors([padded, ANNA], INFOS)
    assert filled["history_timestamp"][0].tolist() == padded["history_timestamp"]


def test_the_largest_numbers_are_taken() -> None:
    largest = float(np.finfo(np.float32).max)
    filled = user_tensors([ANNA | {"user_age": largest, "history_price": [-largest, None]}], INFOS)
    assert filled["user_age"].tolist() == [largest]
    assert filled["history_price"][0, 0] == -largest


def test_candidates_that_are_no_numbers_are_refused() -> None:
    infos = {"candidate_item_id": _info("string", 2), "candidate_price": _info("float", 2)}
    with pytest.raises(ValueError, match="candidate_price takes finite numbers"):
        candidate_tensors({"candidate_item_id": ["a"], "candidate_price": [float("nan")]}, infos, 1)


@pytest.mark.parametrize("top", [0, -1])
def test_no_number_of_items_is_refused(top: int) -> None:
    with pytest.raises(
        ValueError, match=f"`top` must be at least 1, or None for all. Received: top={top}"
    ):
        check_top(top)
    check_top(None)
