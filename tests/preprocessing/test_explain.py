"""What a wrong configuration says: one line for each mistake, and what would do."""

from __future__ import annotations

from typing import Any

import pytest

from preprocessing.config import ConfigError, validated
from preprocessing.spec import DatasetSpec, Features
from preprocessing.spec_match import Match
from tests.testing_trainer import toy_spec


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
