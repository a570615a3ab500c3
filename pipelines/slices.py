"""How candidates are sliced, wherever models are compared."""

from __future__ import annotations

POPULARITY = "popularity"  # of a candidate
HISTORY_LENGTH = "history_length"  # of a request
# How many behaviours each bucket has fewer than; the last has all others.
_HISTORY_BUCKETS = ((1, "0"), (10, "1-9"), (50, "10-49"))


def history_bucket(length: int) -> str:
    """The slice of a history by its number of behaviours: 0, 1-9, 10-49, 50+."""
    for bound, name in _HISTORY_BUCKETS:
        if length < bound:
            return name
    return "50+"
