"""Outcomes are recognised however yes and no are written, and conditions read them."""

from __future__ import annotations

import pyarrow as pa
import pydantic
import pytest

from preprocessing.events import SortedEvents
from preprocessing.sources.columns import is_numeric, text_column
from preprocessing.spec_records import Condition
from preprocessing.two_values import good_values, is_two_valued


@pytest.mark.parametrize(
    ("values", "good"),
    [
        (["Y", "N"], ["Y"]),
        (["t", "f", ""], ["t"]),
        (["TRUE", "FALSE", "True"], ["TRUE", "True"]),
        (["yes", "no"], ["yes"]),
        (["0", "1"], ["1"]),
        (["-1", "1"], ["1"]),
        (["1", ""], ["1"]),
        (["neg", "pos"], ["pos"]),
    ],
)
def test_an_outcome_has_a_good_value_however_it_is_spelt(
    values: list[str], good: list[str]
) -> None:
    assert good_values(values) == good and is_two_valued(values)


@pytest.mark.parametrize(
    ("values", "two"), [(["1", "2"], True), (["a", "x"], False), (["1", "0", "3"], False)]
)
def test_what_is_not_sure_has_none(values: list[str], two: bool) -> None:
    assert good_values(values) == [] and is_two_valued(values) == two


@pytest.mark.parametrize("spelling", ["true", "TRUE", " True", "t", "yes", "Y", "on", "1"])
def test_equals_true_holds_for_every_spelling_of_it(spelling: str) -> None:
    condition = Condition.model_validate({"column": "bought", "equals": True})
    rows = {
        "user": ["u"] * 3,
        "item": ["i"] * 3,
        "time": [1, 2, 3],
        text_column("bought"): [spelling, "no", ""],
    }
    events = SortedEvents.from_table(pa.table(rows))
    assert not is_numeric(condition)
    assert events.hold([condition]).tolist() == [True, False, False]
    is_false = Condition(column="bought", equals=False)
    assert events.hold([is_false]).tolist() == [False, True, False]
    assert Condition.model_validate_json(condition.model_dump_json()) == condition
    assert Condition.model_validate({"column": "bought", "equals": 1}).equals == 1.0


def test_texts_that_yaml_reads_as_truth_values_are_to_be_quoted() -> None:
    with pytest.raises(pydantic.ValidationError, match="quote them, such as 'yes'"):
        Condition.model_validate({"column": "bought", "one_of": [True, "maybe"]})
