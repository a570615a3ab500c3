"""Numbers and statistics of requests that can't be are refused by name."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from preprocessing.statistics.users_items import user_line
from serving.contract import Description
from serving.showings import ShowingCheck
from serving.value_checks import check_values

DESCRIPTION = Description(
    max_candidates=10,
    max_history=10,
    history_length=4,
    tasks=("click",),
    state_identity="",
    state_dtype="float16",
    user_inputs=("user_id", "user_user_all_events", "user_statistics"),
    context_inputs=(),
    history_inputs=(),
    statistic_inputs=("user_user_all_events", "user_statistics"),
    ranges={
        "candidate_share": (0.0, 1.0),
        "candidate_rate": (0.0, 1.0),
        "candidate_events": (0.0, None),
        "candidate_own_cat_all_events": (0.0, None),
        "candidate_own_cat_all_click_rate": (0.0, 1.0),
        "candidate_own_cat_recency": (0.0, 1.0),
    },
    users_items={"own_cat": 3},
    users_items_inputs={
        "own_cat": (
            "candidate_own_cat_all_events",
            "candidate_own_cat_all_click_rate",
            "candidate_own_cat_recency",
        )
    },
)
GOOD = user_line("own_cat", "ü", np.array([7.0, 0.5, 1.0]))


def _lines(name: str, numbers: list[float]) -> str:
    return user_line(name, "c2", np.array(numbers))


def _check(**sent: Any) -> None:
    inputs: dict[str, np.ndarray] = {}
    for name, values in sent.items():
        dtype = object if isinstance(values[0], bytes) else np.float32
        inputs[name] = np.array([values], dtype)
    check_values(inputs, sent, DESCRIPTION)


def test_what_can_be_passes() -> None:
    absent = float("nan")
    _check(candidate_share=[0.0, 1.0, absent], candidate_events=[0.0, 1e9, absent])
    other = _lines("own_cat", [0, 0, 0])
    _check(user_statistics=[b"", GOOD.encode(), f"{GOOD}\n{other}\n".encode()])
    _check(candidate_price=[-7.0])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("candidate_share", 7.0, "candidate_share takes numbers from 0 to 1, and None .*: 7"),
        ("candidate_share", -0.5, "from 0 to 1.*: -0.5"),
        ("candidate_rate", 7.0, "candidate_rate takes numbers from 0 to 1"),
        ("candidate_events", -5.0, "candidate_events takes numbers of at least 0.*: -5"),
    ],
)
def test_numbers_out_of_range(name: str, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _check(**{name: [0.5, value]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "it takes lines of .* `srp4ctr data users` writes .* Received: 'hello'"),
        ("5", "it takes lines of"),
        (_lines("own_cta", [1, 2, 3]), "no statistic 'own_cta' .* Did you mean 'own_cat'"),
        (_lines("nope", [1, 2, 3]), "no statistic 'nope' of users and items. Known: own_cat"),
        (_lines("own_cat", [1.0]), r"own_cat has 3 numbers \(float32\), and here are 1"),
        (_lines("own_cat", [1.0] * 5), "and here are 5"),
        (_lines("own_cat", [1, float("nan"), 3]), "own_cat has a number that isn't finite"),
        ("own_cat\t!!!\t???", "must be in the base64 of URLs"),
        ("own_cat\tYw\tAAAA+/8A", "must be in the base64 of URLs"),
        (GOOD[:-2], "must be in the base64 of URLs|and here are"),
        (_lines("own_cat", [-3, -3, -3]), "-3 as candidate_own_cat_all_events, .* of at least 0"),
        (_lines("own_cat", [3, 3, 3]), "3 as candidate_own_cat_all_click_rate, .* from 0 to 1"),
        (_lines("own_cat", [3, 0, 3e38]), "3e.38 as candidate_own_cat_recency, .* from 0 to 1"),
        (f"{GOOD}\n{GOOD}", "own_cat has the key 'ü' in two lines"),
    ],
)
def test_user_statistics_that_are_none(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _check(user_statistics=[GOOD.encode(), text.encode()])


def test_a_description_keeps_ranges_and_widths_as_json() -> None:
    found = Description.from_json(DESCRIPTION.to_json())
    assert found.users_items == {"own_cat": 3}
    assert {name: tuple(limits) for name, limits in found.ranges.items()} == DESCRIPTION.ranges
    with pytest.raises(ValueError, match="-1 as candidate_own_cat_all_events"):
        text = np.array([_lines("own_cat", [-1, 0, 0]).encode()], object)
        check_values({"user_statistics": text}, ["user_statistics"], found)
    with pytest.raises(ValueError, match="from 0 to 1"):
        check_values({"candidate_share": np.array([[7.0]])}, ["candidate_share"], found)


def test_statistics_that_users_lack_are_told_once_each(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    check = ShowingCheck("warn")
    for _ in range(2):
        check.of_users([{"user_id": "u", "user_user_all_events": 0}], DESCRIPTION, 7)
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "Version 7 was trained with user_statistics, which counts "
    )
    check.of_users([{"user_user_all_events": 1, "user_statistics": ""}], DESCRIPTION, 7)
    # The service says that nothing has happened to the user.
    check.of_users([{"user_user_all_events": None, "user_statistics": None}], DESCRIPTION, 7)
    assert len(caplog.records) == 1
    # Both are told of by now, whichever a user lacks.
    check.of_users([{}], DESCRIPTION, 7)
    check.of_users([{"user_statistics": ""}], DESCRIPTION, 7)
    check.of_users([{}], DESCRIPTION, 7)
    assert len(caplog.records) == 2
    check.of_users([{}], DESCRIPTION, 8)
    assert len(caplog.records) == 3
    ShowingCheck("ignore").of_users([{}], DESCRIPTION, 7)
    with pytest.raises(ValueError, match="user_user_all_events, user_statistics, which count what"):
        ShowingCheck("raise").of_users([{}], DESCRIPTION, 7)
