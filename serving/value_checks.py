"""Whether numbers and statistics that a request sends can be.

Shares lie between 0 and 1, counts aren't negative, and `user_statistics` are lines as
preprocessing/statistics/users_items.py writes them. The model would score all else without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from preprocessing.hints import did_you_mean, shortened
from preprocessing.statistics.text import decoded
from serving.contract import USER_STATISTICS, Description

_SHOWN_CHARACTERS = 60
_NUMBER_BYTES = 4
_FORM = (
    "it takes lines of a statistic's name, a key and its numbers, with tabs between them, as "
    "users' records have them (preprocessing/statistics/users_items.py)"
)


def check_values(
    inputs: Mapping[str, np.ndarray], sent: Iterable[str], description: Description
) -> None:
    """Refuses what can't be.

    Args:
        inputs: The tensors of a request.
        sent: The names of features that it has; others are absent.
        description: Says what may be.

    Raises:
        ValueError: a number is out of its range, or `user_statistics` has a line that is none.
    """
    for name in sent:
        if name in description.ranges and name in inputs:
            _check_range(name, inputs[name], *description.ranges[name])
        if name == USER_STATISTICS and name in inputs and description.users_items:
            for text in inputs[name].ravel():
                _check_lines(text, description.users_items)


def _check_range(name: str, values: np.ndarray, least: float, most: float | None) -> None:
    outside = values < least  # what is absent, NaN, isn't
    if most is not None:
        outside |= values > most
    if outside.any():
        kind = f"from {least:g} to {most:g}" if most is not None else f"of at least {least:g}"
        raise ValueError(
            f"{name} takes numbers {kind}, and None where it is absent. Received: "
            f"{values[outside][0]:g}"
        )


def _check_lines(text: bytes, widths: Mapping[str, int]) -> None:
    """Checks each line of one user's `user_statistics`; empty ones are passed over."""
    for line in text.split(b"\n"):
        problem = _problem(line, widths) if line else ""
        if problem:
            shown = shortened(line.decode(errors="replace"), _SHOWN_CHARACTERS)
            raise ValueError(f"{USER_STATISTICS}: {problem}. Received: {shown!r}")


def _problem(line: bytes, widths: Mapping[str, int]) -> str:
    """What is wrong with a line; "" if nothing is."""
    parts = line.split(b"\t")
    if len(parts) != 3:
        return _FORM
    name = parts[0].decode(errors="replace")
    if name not in widths:
        hint = did_you_mean(name, widths).strip() or f"Known: {', '.join(widths)}"
        return f"the model has no statistic {name!r} of users and items. {hint.rstrip('.')}"
    try:
        decoded(parts[1])
        numbers = decoded(parts[2])
    except ValueError:
        return f"the key and the numbers of {name} must be in the base64 of URLs; {_FORM}"
    if len(numbers) != _NUMBER_BYTES * widths[name]:
        found = f"{len(numbers) / _NUMBER_BYTES:g}"
        return f"{name} has {widths[name]} numbers (float32), and here are {found}"
    if not np.isfinite(np.frombuffer(numbers, "<f4")).all():
        return f"{name} has a number that isn't finite"
    return ""
