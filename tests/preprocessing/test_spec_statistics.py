"""Statistics that a spec may declare, and those that it may not."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest

from preprocessing.features import candidate_inputs, user_inputs
from preprocessing.spec import DatasetSpec
from tests.testing_trainer import toy_spec


def _spec(**statistics: Any) -> DatasetSpec:
    return toy_spec(
        features=toy_spec().features.model_dump(exclude={"statistics"}) | {"statistics": statistics}
    )


def test_names_say_statistic_window_and_number() -> None:
    spec = _spec(brand={"windows": ["24h", "all"]}, user={"counts": ["events"], "windows": ["7d"]})
    tasks = list(spec.tasks)
    numbers = ["events", *tasks, *[f"{task}_rate" for task in tasks]]
    expected = [f"candidate_brand_1d_{number}" for number in numbers]
    expected += [f"candidate_brand_all_{number}" for number in numbers]
    assert [f.name for f in candidate_inputs(spec) if f.statistic] == expected
    assert [f.name for f in user_inputs(spec) if f.statistic] == ["user_user_7d_events"]


def test_what_counts_by_user_and_item_belongs_to_candidates() -> None:
    spec = _spec(met={"of": ["user", "item_id"], "counts": ["events"], "windows": ["all"]})
    assert [f.name for f in candidate_inputs(spec) if f.statistic] == ["candidate_met_all_events"]


def test_a_spec_with_statistics_survives_json() -> None:
    spec = _spec(item_id={"step": "1d"}, brand={"counts": ["events"]})
    assert DatasetSpec.from_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    ("statistic", "message"),
    [
        (
            {"brnd": {}},
            (
                "by user, item_id or item features of one word: user, item_id, brand. "
                "Received: of=brnd"
            ),
        ),
        ({"tags": {}}, "item features of one word: user, item_id, brand. Received: of=tags"),
        ({"price": {}}, "Received: of=price"),
        (
            {"Brand": {"of": ["brand"]}},
            "feature name must be snake_case. Received: statistics.Brand",
        ),
        (
            {"brand": {"windows": ["90m"]}},
            "a multiple of step, which is 1h, because.* Received: 90m",
        ),
        ({"brand": {"windows": ["0h"]}}, "longer than nothing: a multiple of step.*'0h'"),
        ({"brand": {"windows": ["9999999d"]}}, "no log is that long: write all. .* 9999999d"),
        ({"brand": {"windows": ["all"], "step": "99999d"}}, "no log is as long as a step.* 99999d"),
        ({"user": {"of": ["item_id"]}}, "statistics.user is called like what it doesn't count by"),
        (
            {"brand": {}, "x": {"of": ["brand"]}},
            "features.statistics.x counts what brand counts: leave one of them out",
        ),
        ({"brand": {"windows": ["ever"]}}, "a length of time is a number and a unit"),
        ({"brand": {"windows": ["1d", "24h"]}}, "windows names something twice. Received: 1d, 1d"),
        ({"brand": {"windows": []}}, "at least 1 item"),
        ({"brand": {"counts": ["events"], "prior": 3}}, "`prior` counts only beside `rate`"),
        (
            {"brand": {"counts": ["clicks"]}},
            "Input should be 'events', 'positives', 'rate' or 'recency'",
        ),
        ({"brand": {"where": [{"column": "x"}]}}, "give exactly one of equals"),
        ({"b": {"of": ["brand", "brand"]}}, "of names something twice. Received: brand, brand"),
        ({"brand": {"prior": 0}}, "greater than 0"),
        ({"brand": {"prior": float("inf")}}, "finite number"),
    ],
)
def test_statistics_that_make_no_sense_are_refused(statistic: dict[str, Any], message: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=message):
        _spec(**statistic)


VIEW = {"column": "kind", "equals": "view"}
SEEN = {"column": "seen", "at_least": 1}


@pytest.mark.parametrize(
    ("brand", "x"),
    [
        ({}, {"where": [VIEW, SEEN]}),
        ({"where": [SEEN, VIEW]}, {"where": [VIEW, SEEN]}),
        ({}, {"windows": ["24h"], "counts": ["events"]}),
        ({"counts": ["recency"], "windows": ["1d", "all"]}, {"counts": ["recency"]}),
        (
            {"prior": 3, "windows": ["7d", "1d"]},
            {"prior": 3, "counts": ["rate"], "windows": ["1d"]},
        ),
    ],
)
def test_a_statistic_with_the_numbers_of_another_is_refused(
    brand: dict[str, Any], x: dict[str, Any]
) -> None:
    features = toy_spec().features.model_dump(exclude={"statistics"})
    candidates = {"where": [VIEW, SEEN]}
    both = {"brand": brand, "x": x | {"of": ["brand"]}}
    with pytest.raises(pydantic.ValidationError, match="statistics.x counts what brand counts: l"):
        toy_spec(features=features | {"statistics": both}, candidates=candidates)
    turned = {"x": x | {"of": ["brand"]}, "brand": brand}
    with pytest.raises(pydantic.ValidationError, match="counts what (x|brand) counts"):
        toy_spec(features=features | {"statistics": turned}, candidates=candidates)


def test_the_statistic_that_has_fewer_numbers_is_named() -> None:
    with pytest.raises(pydantic.ValidationError, match="x counts what brand counts, and less"):
        _spec(x={"of": ["brand"], "counts": ["events"]}, brand={})


@pytest.mark.parametrize(
    "other",
    [
        {"windows": ["2d"], "counts": ["events"]},
        {"where": [VIEW]},
        {"step": "1d"},
        {"prior": 3, "counts": ["rate"]},
        {"counts": ["recency"]},
        {"of": ["user", "brand"]},
    ],
)
def test_statistics_that_differ(other: dict[str, Any]) -> None:
    assert _spec(brand={}, x={"of": ["brand"], **other}).features.statistics["x"]


def test_names_that_are_taken_are_refused() -> None:
    features = toy_spec().features.model_dump(exclude={"statistics"})
    features["item"]["brand_1d_events"] = {"kind": "numeric"}
    with pytest.raises(
        pydantic.ValidationError,
        match="makes a feature brand_1d_events, which another one is called",
    ):
        toy_spec(features=features | {"statistics": {"brand": {}}})


def test_a_feature_called_user_would_be_mistaken_for_the_user() -> None:
    features = {"item": {"user": {"kind": "categorical"}}, "statistics": {"user": {}}}
    with pytest.raises(pydantic.ValidationError, match="no item feature can have that name"):
        toy_spec(features=features)


def test_conditions_of_statistics_are_read_from_the_log() -> None:
    from preprocessing.sources.columns import columns_of

    spec = _spec(item_id={"where": [{"column": "seen", "equals": 1}]})
    needed = {column.source: column.needed_by for column in columns_of(spec, "events")}
    assert needed["seen"] == "features.statistics.item_id.where"
