"""Whether a learning curve still moved at its end."""

from __future__ import annotations

from collections.abc import Sequence

_LAST = 4  # a quarter of the values are the curve's end
_SHARE = 0.05  # of the whole change; an end that gave less is flat


def still_moves(values: Sequence[float]) -> bool:
    """Whether the last quarter of a curve gave a noticeable part of what all of it did.

    Args:
        values: At least one; one value alone tells nothing, so that it may still move.
    """
    if len(values) == 1:
        return True
    last = max(len(values) // _LAST, 1)
    whole = values[-1] - values[0]
    return whole != 0 and (values[-1] - values[-1 - last]) / whole >= _SHARE
