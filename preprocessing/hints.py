"""Names and values as messages have them: the nearest known name, lists, and long values."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The end of a message, such as " Did you mean 'dropout'?"; "" where no known name is near.

    Upper and lower case are the same.
    """
    by_lower_case = {other.lower(): other for other in sorted(known)}
    nearest = difflib.get_close_matches(name.lower(), by_lower_case, n=1, cutoff=cutoff)
    return f" Did you mean '{by_lower_case[nearest[0]]}'?" if nearest else ""


def shortened(value: str, most: int = 60) -> str:
    """A value of at most `most` characters; of a longer one the beginning, and dots."""
    return value if len(value) <= most else f"{value[:most]}..."


def listed(names: Iterable[object]) -> str:
    """Names as a sentence has them, such as "csv, tsv and jsonl"."""
    *first, last = map(str, names)
    return f"{', '.join(first)} and {last}" if first else last
