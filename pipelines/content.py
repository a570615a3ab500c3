"""The base classes of typed results, which are written to JSON files and read from them."""

from __future__ import annotations

import math
from typing import Annotated, Any

import pydantic


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Number = Annotated[float | None, pydantic.BeforeValidator(_finite)]
"""A number; None where it is not known, as JSON has no NaN."""

LearningCurves = dict[str, list[Number]]
"""By log name, a value for each epoch or each evaluation."""


class Content(pydantic.BaseModel):
    """A part of a JSON file of results: its fields are the keys there, and no others are."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    def to_json(self) -> dict[str, Any]:
        """As the files have it; a key that was left out stays out."""
        return self.model_dump(mode="json", exclude_unset=True)


class Kept(Content):
    """Content that other packages write, too: keys without a field are kept."""

    model_config = pydantic.ConfigDict(extra="allow")
