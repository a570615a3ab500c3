"""Whether the times of a request and its behaviours, and their order, can be meant."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from serving.contract import HISTORY_ITEM_ID, HISTORY_TIMESTAMP, TIMESTAMP, USER_ID

_LATEST_SECOND = 10**10  # the year 2286; milliseconds are more
_DAY_SECONDS = 86_400  # how far another machine's clock, or a request made beforehand, may be ahead


def check_times(inputs: Mapping[str, np.ndarray]) -> None:
    """Refuses times that can't be meant.

    Args:
        inputs: Inputs by name, [B] or [B, L']; those of times are int64.

    Raises:
        ValueError: one is negative, in milliseconds or in the future, or a behaviour is after its
            request or before one that comes earlier in the history.
    """
    for name in (TIMESTAMP, HISTORY_TIMESTAMP):
        if name in inputs:
            _check_seconds(name, inputs[name])
    if HISTORY_TIMESTAMP in inputs:
        _check_order(inputs)
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


def _check_order(inputs: Mapping[str, np.ndarray]) -> None:
    """Refuses a history whose oldest behaviour isn't first: its latest ones are its last."""
    times = inputs[HISTORY_TIMESTAMP]
    # The time of padding means nothing, and a behaviour of an unknown time has 0.
    is_timed = (inputs[HISTORY_ITEM_ID] != b"") & (times > 0)
    latest_so_far = np.maximum.accumulate(np.where(is_timed, times, 0), axis=1)
    falls = is_timed & (times < latest_so_far)
    if not falls.any():
        return
    row, place = np.argwhere(falls)[0]
    before = latest_so_far[row, place]
    (places_before,) = np.nonzero(is_timed[row] & (times[row] == before))
    user = inputs[USER_ID][row].decode(errors="replace")
    raise ValueError(
        f"{HISTORY_TIMESTAMP} must not fall: the oldest behaviour comes first. Sort the lists of "
        f"the history by time. Received: for user '{user}' {before} at place {places_before[0]}, "
        f"and {times[row, place]} at place {place}"
    )
