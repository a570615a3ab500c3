"""How candidates are sliced, wherever models are compared."""

from __future__ import annotations

_HISTORY_BUCKETS = ((0, "0"), (10, "1-9"), (50, "10-49"))


def history_bucket(length: int) -> str:
    """The slice of a history by its number of behaviours: 0, 1-9, 10-49, 50+."""
    below = [name for bound, name in _HISTORY_BUCKETS if length < max(bound, 1)]
    return below[0] if below else "50+"
