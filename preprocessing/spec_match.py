"""How a spec declares match features: counts of what a candidate and a history have in common."""

from __future__ import annotations

import pydantic

from preprocessing.config import Config, is_saved

ITEM_ID = "item_id"
_VALUES = 8


class Match(Config):
    """How often, what share, and how recently the history met a candidate's value.

    A ranker of vectors can't count; these numbers are what boosted trees on counts know of a user
    and an item together. A behaviour matches a candidate that has the same value of every one of
    `fields`, or, where a field has several values, any value in common.

    Attributes:
        fields: Item features with words (categorical or multivalent), or `item_id`; by default the
            match's own name.
        last: How many of the latest behaviours are looked at; by default all of the history.
        by: A behaviour feature. Matches are then also counted for each of its values apart, such
            as purchases and views, or ratings.
        values: The first so many indices of `by`, which are the most frequent values or the lowest
            buckets, are counted each for itself, all others together; by default 8.
    """

    fields: tuple[str, ...] = ()
    last: int | None = pydantic.Field(None, ge=1)
    by: str | None = None
    values: int | None = pydantic.Field(None, ge=1, le=64)

    @pydantic.model_validator(mode="after")
    def _check(self, info: pydantic.ValidationInfo) -> Match:
        if len(set(self.fields)) < len(self.fields) and not is_saved(info):
            raise ValueError(f"fields names something twice. Received: {', '.join(self.fields)}")
        if self.by is None and self.values is not None:
            raise ValueError("values says how many values of `by` are counted apart. Give `by` too")
        return self

    def fields_of(self, name: str) -> tuple[str, ...]:
        """The fields of the match called `name`."""
        return self.fields or (name,)

    @property
    def values_apart(self) -> int:
        """How many values of `by` are counted each for itself; 0 without `by`."""
        return 0 if self.by is None else self.values or _VALUES

    @property
    def width(self) -> int:
        """How many numbers a candidate gets: count, share, recency, and a count for each value."""
        by_value = 0 if self.by is None else self.values_apart + 1
        return 3 + by_value


def check_distinct_matches(matches: dict[str, Match], length: int) -> None:
    """Checks that no two matches compare the same.

    Args:
        matches: By name.
        length: How many behaviours a history has at most.

    Raises:
        ValueError: two do.
    """
    seen: dict[tuple[frozenset[str], int, str | None, int], str] = {}
    for name, match in matches.items():
        fields = frozenset(match.fields_of(name))
        what = (fields, match.last or length, match.by, match.values_apart)
        if what in seen:
            raise ValueError(
                f"features.match.{name} compares what {seen[what]} compares: leave one of them out"
            )
        seen[what] = name
