"""What tells which events of a log are good ones."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from preprocessing.hints import shortened
from preprocessing.inspection.names import BEHAVIOR, RATING, has_words, names_outcome
from preprocessing.inspection.profile import ColumnProfile
from preprocessing.two_values import good_values

if TYPE_CHECKING:
    from preprocessing.inspection.sides import Sides

_MOST_VALUES = 30
_LIKED = 0.8
_SHOWN_VALUES = 5
_SHOWN_CHARACTERS = 24
# What is done with an item, the strongest first, and what isn't done but shown.
_DEEDS = (
    r"buy|bought|purchase|order|transaction|checkout|conver",
    r"cart|basket|click|fav|like|play|listen|watch|read|save",
)
_SHOWN = r"impression|impr$|shown?$|expos|display"
_SEEN = r"view|^pv$|visit|open"


@dataclasses.dataclass(frozen=True)
class Label:
    """A task.

    Attributes:
        column: The column that tells it.
        condition: What must hold of it, such as `{"equals": 1}`.
        shown: Where showing an item is an event of its own, the value that the column has there:
            these events are the candidates.
        others: The column's other values, where showing an item is nothing that the user did.
        is_flag: Whether the column has two values.
        rows: How many rows fulfil the condition, where it is a flag.
        doubt: What a person should look at.
        task: What the task is called; the column by default.
        outcome: Which rows fulfil the condition, bool [rows], where other columns tell it, too.
    """

    column: str
    condition: dict[str, Any]
    shown: str | None = None
    others: tuple[str, ...] = ()
    is_flag: bool = False
    rows: int = 0
    doubt: str = ""
    task: str = ""
    outcome: np.ndarray | None = None


def guess_label(profiles: list[ColumnProfile], sides: Sides) -> Label | None:
    """The column that most likely tells which events are good.

    Args:
        profiles: Of the columns that have no other role.
        sides: What else is known of the columns.
    """
    few = [p for p in profiles if 0 < p.distinct <= _MOST_VALUES and not sides.describes_entity(p)]
    flags = [p for p in few if p.kind == "flag" and is_sure(p)]
    for p in flags:
        if names_outcome(p.name):
            return _of_flag(p)
    for p in few:
        if p.kind in ("integer", "number") and p.distinct > 1 and has_words(RATING, p.name):
            ratings = [float(value) for value in _values(p) if value]
            return Label(p.name, {"at_least": _LIKED * max(ratings)})
    for p in few:
        if p.kind == "text" and p.distinct > 1 and has_words(BEHAVIOR, p.name):
            label = _of_behavior(p)
            if label is not None:
                return label
    differing = [p for p in flags if sides.differs_within_requests(p)]
    if len(differing) == 1:
        doubt = (
            "its name tells nothing, but it has two values and differs within requests. Is it the "
            "outcome?"
        )
        return dataclasses.replace(_of_flag(differing[0]), doubt=doubt)
    return None


def no_label(profiles: list[ColumnProfile], sides: Sides) -> tuple[str, ...]:
    """What a person should know of a log in which no label was found.

    Args:
        profiles: Of the columns that have no other role.
        sides: What else is known of the columns.
    """
    said: list[str] = []
    for p in profiles:
        is_rating = has_words(RATING, p.name) or has_words(BEHAVIOR, p.name)
        if names_outcome(p.name) or (is_rating and not sides.describes_entity(p)):
            said.append(
                f"Column {p.name!r} is called like a label, but isn't taken for one: "
                f"{_why_no_label(p, sides)}. If it is one, write its task by hand: docs/own_log.md."
            )
    said.append(
        "No column tells for sure which events are good: all count as chosen, among sampled "
        "negatives."
    )
    return tuple(said)


def _why_no_label(profile: ColumnProfile, sides: Sides) -> str:
    values = [repr(shortened(value, _SHOWN_CHARACTERS)) for value in _values(profile) if value]
    if profile.distinct < 2:
        return f"its only value is {values[0]}" if values else "it has no values"
    if sides.describes_entity(profile):
        return "it has one value for each user or each item"
    more = ", ..." if profile.distinct > _SHOWN_VALUES else ""
    return (
        f"its values are {', '.join(values[:_SHOWN_VALUES])}{more}, and nothing tells for sure "
        f"which of them are good"
    )


def is_sure(profile: ColumnProfile) -> bool:
    """Whether a flag's values tell which is the good one."""
    return bool(good_values(_values(profile)))


def _of_flag(profile: ColumnProfile) -> Label:
    good = good_values(_values(profile))
    rows = sum(count for value, count in profile.top(_MOST_VALUES) if value in good)
    are_numbers = all(_is_number(value) for value in _values(profile))
    condition: dict[str, Any]
    if are_numbers and all(_is_one(value) for value in good):
        condition = {"equals": 1}
    elif len(good) == 1:
        condition = {"equals": good[0]}
    else:
        condition = {"one_of": good}
    return Label(profile.name, condition, is_flag=True, rows=rows)


def _of_behavior(profile: ColumnProfile) -> Label | None:
    """The strongest deed among the values is the good outcome of what was shown or seen."""
    values = [value for value in _values(profile) if value]
    impression = next((value for value in values if re.search(_SHOWN, value.lower())), None)
    view = next((value for value in values if re.search(_SEEN, value.lower())), None)
    shown = impression or view
    others: tuple[str, ...] = ()
    if impression:
        others = tuple(value for value in values if value != impression)
    for deeds in (*_DEEDS, _SEEN):
        done = [value for value in values if re.search(deeds, value.lower()) and value != shown]
        if done and len(done) < len(values):
            return Label(profile.name, {"equals": done[0]}, shown, others)
    return None


def _values(profile: ColumnProfile) -> list[str]:
    """The column's different values, the most frequent first."""
    return [value for value, _ in profile.top(_MOST_VALUES)]


def _is_number(value: str) -> bool:
    return value == "" or re.fullmatch(r"-?[0-9.]+", value) is not None


def _is_one(value: str) -> bool:
    return _is_number(value) and float(value) == 1
