"""What a run may ask of trees on counts."""

from __future__ import annotations

import pydantic
import pytest

from pipelines.config import EvaluationConfig


def test_counts_that_are_not_made_can_not_be_beaten() -> None:
    assert EvaluationConfig(must_beat=("counts",)).counts_rows > 0
    with pytest.raises(
        pydantic.ValidationError, match="needs counts to beat, and counts_rows: 0 asks for none"
    ):
        EvaluationConfig(must_beat=("counts",), counts_rows=0)


def test_other_rivals_are_refused() -> None:
    with pytest.raises(pydantic.ValidationError, match="counts"):
        EvaluationConfig.model_validate({"must_beat": ["popularity"]})
