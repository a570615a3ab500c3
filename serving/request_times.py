"""Whether the times of a request and its behaviours can be meant."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from serving.contract import HISTORY_TIMESTAMP, TIMESTAMP

_LATEST_SECOND = 10**10  # the year 2286; milliseconds are more
_DAY_SECONDS = 86_400  # how far another machine's clock, or a request made beforehand, may be ahead


def check_times(inputs: Mapping[str, np.ndarray]) -> None:
    """Refuses times that can't be meant.

    Args:
        inputs: Inputs by name, [B] or [B, L']; those of times are int64.

    Raises:
        ValueError: one is negative, in milliseconds or in the future, or a behaviour is after its
            request.
    """
    for name in (TIMESTAMP, HISTORY_TIMESTAMP):
        if name in inputs:
            _check_seconds(name, inputs[name])
    if TIMESTAMP not in inputs:
        return
    asked = inputs[TIMESTAMP]
    if (asked > time.time() + _DAY_SECONDS).any():
        raise ValueError(f"{TIMESTAMP} is in the future. Received: {asked.max()}")
    if HISTORY_TIMESTAMP in inputs:
        is_later = inputs[HISTORY_TIMESTAMP] > asked[:, None]
        if is_later.any():
            row, place = np.argwhere(is_later)[0]
            later = inputs[HISTORY_TIMESTAMP][row, place]
            raise ValueError(
                f"{HISTORY_TIMESTAMP} must not be after the request's {TIMESTAMP}. Received: "
                f"{later}, {asked[row]}"
            )


def _check_seconds(name: str, seconds: np.ndarray) -> None:
    if (seconds < 0).any():
        raise ValueError(f"{name} takes seconds since 1970. Received: {seconds.min()}")
    if (seconds > _LATEST_SECOND).any():
        hint = "these may be milliseconds: divide them by 1,000"
        raise ValueError(f"{name} takes seconds since 1970; {hint}. Received: {seconds.max()}")
