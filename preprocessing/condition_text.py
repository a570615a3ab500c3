"""Conditions on columns, and what the columns hold, as messages have them."""

from __future__ import annotations

from collections.abc import Mapping

from preprocessing.spec_records import Condition

_SHOWN_VALUES = 10


def wanted(condition: Condition) -> str:
    """What a condition wants its column to be, such as "equal to 'buy'"."""
    if condition.at_least is not None:
        return f"at least {condition.at_least:g}"
    if condition.at_most is not None:
        return f"at most {condition.at_most:g}"
    if condition.equals_column is not None:
        return f"equal to column {condition.equals_column}"
    if condition.one_of is not None:
        return f"among {list(condition.one_of)}"
    return f"equal to {condition.equals!r}"


def held(values: Mapping[str, int]) -> str:
    """The most frequent values of a column, such as "'view' (7 times), 'buy' (2 times)"."""
    frequent = sorted(values.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN_VALUES]
    return ", ".join(f"{value!r} ({count:,} times)" for value, count in frequent)
