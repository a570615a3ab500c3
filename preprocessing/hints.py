"""Names in messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def did_you_mean(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The end of a message, such as " Did you mean 'dropout'?"; "" where no known name is near."""
    nearest = difflib.get_close_matches(name, sorted(known), n=1, cutoff=cutoff)
    return f" Did you mean '{nearest[0]}'?" if nearest else ""


def listed(names: Sequence[object]) -> str:
    """Names as a sentence has them, such as "csv, tsv and jsonl"."""
    *first, last = map(str, names)
    return f"{', '.join(first)} and {last}" if first else last
