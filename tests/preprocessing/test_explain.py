"""What a wrong configuration says: one line for each mistake, and what would do."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.checks.config import ChecksConfig
from pipelines.tuning import TuningConfig
from preprocessing.config import Config, ConfigError, validated
from preprocessing.kinds.numeric import Numeric
from preprocessing.spec import DatasetSpec, Features
from preprocessing.spec_match import Match
from preprocessing.spec_records import Task
from preprocessing.spec_statistics import Statistic
from tests.testing_trainer import toy_spec
from trainer.config import TrainerConfig
from trainer.models.din_config import DinConfig


def _said(**features: Any) -> str:
    content = toy_spec().features.model_dump(exclude=set(features)) | features
    with pytest.raises(ConfigError) as refused:
        validated(content, Features, "x.yaml")
    return str(refused.value)


@pytest.mark.parametrize("name", ["match", "statistics"])
def test_nothing_after_a_key(name: str) -> None:
    assert _said(**{name: {"brand": None}}) == (
        f"x.yaml: {name}.brand: nothing follows this key, where keys and values are expected: "
        "write {} for the defaults, or leave it out."
    )


def test_a_word_where_a_list_is_expected() -> None:
    said = _said(statistics={"brand": {"windows": "7d"}})
    assert said == "x.yaml: statistics.brand.windows: a list is expected: write [7d]."


@pytest.mark.parametrize(
    ("option", "found"), [("windows", "0h"), ("windows", "7x"), ("counts", "ctr")]
)
def test_a_wrong_entry_of_a_list_is_told_alone(option: str, found: str) -> None:
    said = _said(statistics={"brand": {option: [found]}})
    assert said.startswith(f"x.yaml: statistics.brand.{option}.0: ")
    assert said.endswith(f" Received: '{found}'") and "\n" not in said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"test": "x"}, "split.test: Input should be a valid number, .* Received: 'x'"),
        ({"valdation": 0.1}, "split.valdation: unknown key. Did you mean 'validation'[?]"),
        (None, "split: nothing follows this key"),
        ({"train": 7, "history": -1}, "split.history: .* greater than or equal to 0"),
        ({"validation_from": "2020-01-01"}, "split.test_from: this key is missing"),
        ({"validation": 0.5, "test": 0.5}, "split: validation and test leave nothing"),
    ],
)
def test_a_wrong_split_is_told_of_the_kind_that_is_meant(given: Any, said: str) -> None:
    _one_line({"split": given}, said)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"path": 5}, "events.path: text or a list of texts is expected. Received: 5"),
        ({"path": ["a", 2]}, r"events.path: text or a list of texts .* Received: \['a', 2\]"),
    ],
)
def test_a_key_of_several_types_is_told_once(given: Any, said: str) -> None:
    events = toy_spec().model_dump(mode="json", exclude_none=True)["events"]
    _one_line({"events": events | given}, said)


def test_a_condition_of_no_type_is_told_once() -> None:
    where = [{"column": "a", "equals": [1]}]
    _one_line(
        {"candidates": {"where": where}},
        "candidates.where.0.equals: true or false or text or a number is expected",
    )


def _one_line(changes: dict[str, Any], said: str) -> None:
    content = toy_spec().model_dump(mode="json", exclude_none=True) | changes
    with pytest.raises(ConfigError, match=f"x.yaml: {said}") as refused:
        validated(content, DatasetSpec, "x.yaml")
    assert "\n" not in str(refused.value)


def test_a_list_that_is_empty_is_told() -> None:
    assert "at least 1 item" in _said(statistics={"brand": {"windows": []}})


def test_more_buckets_than_can_be_told_apart() -> None:
    said = _said(item={"price": {"kind": "numeric", "buckets": 10**7}})
    assert "less than or equal to 10000" in said


def test_what_an_earlier_run_wrote_twice_is_read() -> None:
    spec = toy_spec()
    twice = {"a": Match(fields=("brand",)), "b": Match(fields=("brand",))}
    features = spec.features.model_copy(update={"match": twice})
    saved = spec.model_copy(update={"features": features}).model_dump_json()
    assert DatasetSpec.from_json(saved).features.match == twice


@pytest.mark.parametrize("found", [None, 1.5, "soon", float("inf"), []])
def test_what_is_no_length_of_time(found: Any) -> None:
    said = _said(statistics={"brand": {"step": found}})
    assert said == (
        "x.yaml: statistics.brand.step: a length of time is a number and a unit, such as 45s, 30m, "
        f"12h or 7d. Received: {found!r}"
    )
    said = _said(statistics={"brand": {"windows": [found]}})
    assert said.startswith("x.yaml: statistics.brand.windows.0: a length of time is a number and")


@pytest.mark.parametrize("seconds", [3600, 3600.0, "1h", "3600s"])
def test_lengths_of_time(seconds: Any) -> None:
    assert Statistic.model_validate({"step": seconds}).step == 3600


@pytest.mark.parametrize(
    ("model", "content", "key"),
    [
        (Match, {"last": True}, "last"),
        (Statistic, {"prior": True}, "prior"),
        (Statistic, {"step": True}, "step"),
        (Task, {"column": "clicked", "at_least": False}, "at_least"),
        (Task, {"column": "clicked", "equals": 1, "within": True}, "within"),
        (Numeric, {"kind": "numeric", "buckets": True}, "buckets"),
        (DinConfig, {"expert_units": [True, 4]}, "expert_units"),
        (ChecksConfig, {"thresholds": {"price": True}}, "thresholds"),
    ],
)
def test_a_truth_value_is_no_number(model: type[Config], content: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as refused:
        validated(content, model, "x.yaml")
    assert str(refused.value) == (
        f"x.yaml: {key}: a number is expected, and YAML reads yes, no, on, off, true and false as "
        f"truth values. Received: {content[key]!r}"
    )


@pytest.mark.parametrize("outcome", [True, False])
def test_a_truth_value_where_one_may_be(outcome: bool) -> None:
    assert Task.model_validate({"column": "clicked", "equals": outcome}).equals is outcome
    assert TuningConfig.model_validate({"trials": 1, "space": {"ranker.match": [outcome]}})
    assert TrainerConfig.model_validate({"ranker": {"match": outcome}}).ranker.match is outcome
