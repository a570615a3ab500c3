"""Whether numbers and statistics that a request sends can be.

Shares lie between 0 and 1, counts aren't negative, and `user_statistics` are lines as
preprocessing/statistics/users_items.py writes them. The model would score all else without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
            limits: dict[str, _Limits] = {}
            for statistic, columns in description.users_items_inputs.items():
                limits[statistic] = _Limits.of(columns, description)
            for text in inputs[name].ravel():
                _check_lines(text, description.users_items, limits)


def _check_range(name: str, values: np.ndarray, least: float, most: float | None) -> None:
    outside = values < least  # what is absent, NaN, isn't
    if most is not None:
        outside |= values > most
    if outside.any():
        raise ValueError(
            f"{name} takes numbers {_allowed(least, most)}, and None where it is absent. Received: "
            f"{values[outside][0]:g}"
        )


def _allowed(least: float, most: float | None) -> str:
    return f"of at least {least:g}" if most is None else f"from {least:g} to {most:g}"


def _check_lines(text: bytes, widths: Mapping[str, int], limits: Mapping[str, _Limits]) -> None:
    """Checks each line of one user's `user_statistics`; empty ones are passed over."""
    seen: set[tuple[str, bytes]] = set()
    for line in filter(None, text.split(b"\n")):
        try:
            found = _parsed(line, widths)
            _check_numbers(found, limits.get(found.statistic))
            if (found.statistic, found.key) in seen:
                key = found.key.decode(errors="replace")
                raise ValueError(f"{found.statistic} has the key {key!r} in two lines, give one")
        except ValueError as error:
            shown = shortened(line.decode(errors="replace"), _SHOWN_CHARACTERS)
            stop = "" if str(error).endswith("?") else "."
            raise ValueError(f"{USER_STATISTICS}: {error}{stop} Received: {shown!r}") from None
        seen.add((found.statistic, found.key))


class _Limits(NamedTuple):
    """What the numbers of a statistic may be, each in the order of a line.

    Attributes:
        names: Their columns.
        ranges: The least and the most of each; no most is None.
        least: The former as an array.
        most: The latter, infinity for none.
    """

    names: Sequence[str]
    ranges: Sequence[tuple[float, float | None]]
    least: np.ndarray
    most: np.ndarray

    @classmethod
    def of(cls, names: Sequence[str], description: Description) -> _Limits:
        """Those of columns."""
        ranges = [description.ranges[name] for name in names]
        least = np.array([low for low, _ in ranges])
        return cls(names, ranges, least, np.array([_or_infinity(high) for _, high in ranges]))


def _or_infinity(most: float | None) -> float:
    return np.inf if most is None else most


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


def _check_numbers(line: _Line, limits: _Limits | None) -> None:
    """Checks a line's numbers as those that a request sends of a candidate.

    Args:
        line: The line.
        limits: None of a version that the release before exported.

    Raises:
        ValueError: one can't be.
    """
    if not np.isfinite(line.numbers).all():
        raise ValueError(f"{line.statistic} has a number that isn't finite")
    if limits is None:
        return
    outside = (line.numbers < limits.least) | (line.numbers > limits.most)
    if outside.any():
        place = int(np.argmax(outside))
        name = limits.names[place]
        raise ValueError(
            f"{line.statistic} has {line.numbers[place]:.8g} as {name}, which takes numbers "
            f"{_allowed(*limits.ranges[place])}"
        )
