"""Whether numbers and statistics that a request sends can be.

Shares lie between 0 and 1, counts aren't negative, and `user_statistics` are lines as
preprocessing/statistics/users_items.py writes them. The model would score all else without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from preprocessing.hints import did_you_mean, shortened
from preprocessing.statistics.text import decoded
from serving.contract import USER_STATISTICS, Description

_SHOWN_CHARACTERS = 60
_NUMBER_BYTES = 4
_FORM = (
    "it takes lines of a statistic's name, a key and its numbers, as `srp4ctr data users` writes "
    "them and serving.user_statistics makes them (docs/serving.md, What is counted of users)"
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
        ValueError: a number is out of its range, or `user_statistics` has a line that is none, or
            two of one key.
    """
    for name in sent:
        if name in description.ranges and name in inputs:
            _check_range(name, inputs[name], *description.ranges[name])
        if name == USER_STATISTICS and name in inputs and description.users_items:
            for text in inputs[name].ravel():
                _check_lines(text, description)


def _check_range(name: str, values: np.ndarray, least: float, most: float | None) -> None:
    outside = _outside(values, least, most)
    if outside.any():
        raise ValueError(
            f"{name} takes numbers {_allowed(least, most)}, and None where it is absent. Received: "
            f"{values[outside][0]:g}"
        )


def _outside(values: np.ndarray, least: float, most: float | None) -> np.ndarray:
    outside = values < least  # what is absent, NaN, isn't
    if most is not None:
        outside |= values > most
    return outside


def _allowed(least: float, most: float | None) -> str:
    return f"of at least {least:g}" if most is None else f"from {least:g} to {most:g}"


def _check_lines(text: bytes, description: Description) -> None:
    """Checks each line of one user's `user_statistics`; empty ones are passed over."""
    seen: set[tuple[str, bytes]] = set()
    for line in filter(None, text.split(b"\n")):
        try:
            found = _parsed(line, description.users_items)
            _check_numbers(found, description)
            if (found.statistic, found.key) in seen:
                key = found.key.decode(errors="replace")
                raise ValueError(f"{found.statistic} has the key {key!r} in two lines, give one")
        except ValueError as error:
            shown = shortened(line.decode(errors="replace"), _SHOWN_CHARACTERS)
            stop = "" if str(error).endswith("?") else "."
            raise ValueError(f"{USER_STATISTICS}: {error}{stop} Received: {shown!r}") from None
        seen.add((found.statistic, found.key))


class _Line(NamedTuple):
    """A line of `user_statistics`: a statistic's name, a key, and its numbers, float32."""

    statistic: str
    key: bytes
    numbers: np.ndarray


def _parsed(line: bytes, widths: Mapping[str, int]) -> _Line:
    """The parts of a line.

    Raises:
        ValueError: it isn't a line of one of the model's statistics.
    """
    parts = line.split(b"\t")
    if len(parts) != 3:
        raise ValueError(_FORM)
    name = parts[0].decode(errors="replace")
    if name not in widths:
        hint = did_you_mean(name, widths).strip() or f"Known: {', '.join(widths)}"
        raise ValueError(
            f"the model has no statistic {name!r} of users and items. {hint.rstrip('.')}"
        )
    try:
        key = decoded(parts[1])
        numbers = decoded(parts[2])
    except ValueError:
        raise ValueError(
            f"the key and the numbers of {name} must be in the base64 of URLs; {_FORM}"
        ) from None
    if len(numbers) != _NUMBER_BYTES * widths[name]:
        found = f"{len(numbers) / _NUMBER_BYTES:g}"
        raise ValueError(f"{name} has {widths[name]} numbers (float32), and here are {found}")
    return _Line(name, key, np.frombuffer(numbers, "<f4"))


def _check_numbers(line: _Line, description: Description) -> None:
    """Checks a line's numbers as those that a request sends of a candidate.

    Raises:
        ValueError: one can't be.
    """
    if not np.isfinite(line.numbers).all():
        raise ValueError(f"{line.statistic} has a number that isn't finite")
    names = description.users_items_inputs.get(line.statistic)
    if names is None:
        return  # the release before exported it
    for name, number in zip(names, line.numbers, strict=True):
        least, most = description.ranges[name]
        if _outside(number, least, most):
            raise ValueError(
                f"{line.statistic} has {number:.8g} as {name}, which takes numbers "
                f"{_allowed(least, most)}"
            )
