"""Matches that a spec may declare, and those that it may not."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest

from preprocessing.spec import DatasetSpec
from preprocessing.spec_match import Match
from tests.testing_trainer import toy_spec


def _features(**match: Any) -> dict[str, Any]:
    return toy_spec().features.model_dump(exclude={"match"}) | {"match": match}


def test_a_match_compares_the_feature_of_its_name_unless_told_otherwise() -> None:
    spec = toy_spec(features=_features(brand={}, both={"fields": ["item_id", "tags"]}))
    assert spec.features.match["brand"].fields_of("brand") == ("brand",)
    assert spec.features.match["both"].fields_of("both") == ("item_id", "tags")


def test_width_counts_its_numbers() -> None:
    assert Match().width == 3
    assert Match(by="action", values=2).width == 3 + 2 + 1


def test_a_spec_with_matches_survives_json() -> None:
    spec = toy_spec()
    assert DatasetSpec.from_json(spec.model_dump_json()) == spec


def test_a_spec_without_matches_has_none() -> None:
    assert toy_spec(features={}).features.match == {}


@pytest.mark.parametrize(
    ("match", "message"),
    [
        (
            {"brnd": {}},
            (
                "match.brnd compares item features with words: item_id, tags, brand. Received: "
                "fields=brnd"
            ),
        ),
        ({"price": {}}, "item_id, tags, brand. Received: fields=price"),
        ({"m": {"fields": ["brand", "action"]}}, "Received: fields=action"),
        (
            {"brand": {"by": "brand"}},
            "counts by a behaviour feature: action, gap. Received: by=brand",
        ),
        (
            {"brand": {"values": 3}},
            "values says how many values of `by` are counted apart. Give `by` too",
        ),
        (
            {"Brand": {"fields": ["brand"]}},
            "feature name must be snake_case. Received: match.Brand",
        ),
        ({"brand": {"last": 0}}, "greater than or equal to 1"),
        ({"m": {"fields": ["brand", "brand"]}}, "fields names something twice. Received: brand"),
        (
            {"brand": {}, "m": {"fields": ["brand"]}},
            "features.match.m compares what brand compares: leave one of them out",
        ),
        (
            {"brand": {}, "m": {"fields": ["brand"], "last": toy_spec().history.length}},
            "features.match.m compares what brand compares: leave one of them out",
        ),
        (
            {"m": {"fields": ["brand", "tags"]}, "n": {"fields": ["tags", "brand"]}},
            "features.match.n compares what m compares",
        ),
    ],
)
def test_matches_that_make_no_sense_are_refused(match: dict[str, Any], message: str) -> None:
    with pytest.raises(pydantic.ValidationError) as refused:
        toy_spec(features=_features(**match))
    assert message in str(refused.value)


def test_values_are_counted_of_features_with_one_value() -> None:
    features = _features(brand={"by": "marks"})
    features["behavior"]["marks"] = {"kind": "multivalent"}
    with pytest.raises(
        pydantic.ValidationError, match="of one value a behaviour. Received: by=marks"
    ):
        toy_spec(features=features)


@pytest.mark.parametrize("name", ["item_key", "item_id"])
def test_names_of_ids_and_keys_are_taken(name: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="unreserved names"):
        toy_spec(features={"item": {name: {"kind": "categorical"}}})
