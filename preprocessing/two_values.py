"""How people write yes and no, and outcomes of two kinds in general."""

from __future__ import annotations

from collections.abc import Iterable

TRUE = ("true", "t", "yes", "y", "on", "1", "1.0")
FALSE = ("false", "f", "no", "n", "off", "0", "0.0")
# Others that are surely of two kinds: what is bad, and what is good.
_PAIRS = {
    "neg": "pos",
    "negative": "positive",
    "-1": "1",
    "-1.0": "1.0",
    "dislike": "like",
}
# Of two kinds, too, but nothing tells which is the good one.
_UNSURE = ({"1", "2"}, {"1.0", "2.0"})


def is_two_valued(values: Iterable[str]) -> bool:
    """Whether a column's different values, "" among them, look like an outcome of two kinds."""
    spelt = list(values)
    known = {_without_case(value) for value in spelt} - {""}
    return known in _UNSURE or bool(good_values(spelt))


def good_values(values: Iterable[str]) -> list[str]:
    """Those of a column's different values that mean the good outcome, in all their spellings.

    Args:
        values: "" among them where a row has none.

    Returns:
        None of them where the values aren't surely of two kinds, or don't tell which is the good
        one.
    """
    spelt = sorted(set(values))
    found = {_without_case(value) for value in spelt}
    known = found - {""}
    has_both = bool(known & set(TRUE)) and bool(known & set(FALSE)) and known <= {*TRUE, *FALSE}
    # Some columns have a value only where the outcome is good.
    is_a_mark = len(known) == 1 and "" in found and known <= set(TRUE)
    if has_both or is_a_mark:
        good = set(TRUE)
    else:
        good = {positive for negative, positive in _PAIRS.items() if known == {negative, positive}}
    return [value for value in spelt if _without_case(value) in good]


def _without_case(value: str) -> str:
    return value.strip().lower()
