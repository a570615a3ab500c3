"""`user_statistics` made of plain numbers: the lines that records have, or an error that says what
can't be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from preprocessing.statistics.users_items import user_line
from serving.user_statistics import user_statistics


def test_numbers_become_the_lines_of_records() -> None:
    made = user_statistics(
        {"own_item": {"00007": [3, 0.25], 12: [1, 0.1]}, "own": {("ü", "b"): [5]}}
    )
    lines = [
        user_line("own_item", "00007", np.array([3.0, 0.25])),
        user_line("own_item", "12", np.array([1.0, 0.1])),
        user_line("own", "ü\x1fb", np.array([5.0])),
    ]
    assert made == "\n".join(lines)


def test_what_has_not_happened_has_no_line() -> None:
    assert user_statistics({}) == ""
    assert user_statistics({"own_item": {}}) == ""


@pytest.mark.parametrize(
    ("key", "numbers", "message"),
    [
        ("7", [float("nan")], "user_statistics of 'own', key '7': takes finite numbers. .*: nan"),
        ("7", [1, float("inf")], "takes finite numbers"),
        ("7", [1e39], "takes finite numbers"),
        ("7", [None], "takes finite numbers. Received: None"),
        ("7", ["3"], "takes finite numbers. Received: '3'"),
        ("7", [], r"takes a list of numbers. Received: \[\]"),
        ("7", "35", "takes a list of numbers. Received: '35'"),
        ("7", 3, "takes a list of numbers. Received: 3"),
        ("7", np.array(3.0), "takes a list of numbers"),
        ("7", [10**400], "takes finite numbers"),
        ("7", [np.complex64(1)], "takes finite numbers"),
        ("", [1], "key '': no part of it may be empty"),
        (("a", ""), [1], "no part of it may be empty"),
        ("a\x1fb", [1], "no part of it may be empty or have"),
        ((), [1], "has no parts"),
        (1.5, [1], "takes text, or a tuple of texts. Received: 1.5"),
    ],
)
def test_what_can_not_be_is_refused(key: Any, numbers: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        user_statistics({"own": {key: numbers}})


@pytest.mark.parametrize("counted", [None, [], "own", {5: {}}, {"": {}}, {"a\tb": {}}, {"a\n": {}}])
def test_names_that_can_not_be_are_refused(counted: Any) -> None:
    with pytest.raises(ValueError, match=r"user_statistics takes .* Received: "):
        user_statistics(counted)


@pytest.mark.parametrize("twice", [("x",), np.int64(7), 7])
def test_a_key_is_taken_once(twice: Any) -> None:
    alone = user_statistics({"own": {twice: [1]}})
    text = "x" if twice == ("x",) else "7"
    assert alone == user_line("own", text, np.array([1.0]))
    with pytest.raises(ValueError, match="it is there twice"):
        user_statistics({"own": {twice: [1], text: [1]}})


def test_a_statistic_without_keys_is_refused() -> None:
    counted: Any = {"own": [3, 0.25]}
    with pytest.raises(ValueError, match=r"user_statistics of 'own': takes .* by key"):
        user_statistics(counted)
