"""How candidates are sliced, wherever models are compared."""

from __future__ import annotations

POPULARITY = "popularity"  # of a candidate
HISTORY_LENGTH = "history_length"  # of a request

HEAD = "head"
MIDDLE = "middle"
TAIL = "tail"
UNSEEN = "unseen"

# The values of each slicing, in the order of tables.
POPULARITY_SLICES = (HEAD, MIDDLE, TAIL, UNSEEN)
HISTORY_SLICES = ("0", "1-9", "10-49", "50+")

# Of the items with training events, ordered by their number, the first share is the head; up to the
# second share they are the middle.
HEAD_SHARE = 0.2
MIDDLE_SHARE = 0.5

# How many behaviours each slice has fewer than; the last has all others.
_HISTORY_BOUNDS = (1, 10, 50)


def history_slice(length: int) -> str:
    """The slice of a history by its number of behaviours.

    Example:
        >>> history_slice(12)
        '10-49'
    """
    for bound, name in zip(_HISTORY_BOUNDS, HISTORY_SLICES[:-1], strict=True):
        if length < bound:
            return name
    return HISTORY_SLICES[-1]
