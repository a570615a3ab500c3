"""The two runs of a comparison, and how differences are written."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.report.results import RunResults
from pipelines.text import MISSING, difference

NAMES = ("A", "B")


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two finished runs.

    Attributes:
        places: Their directories.
        results: What each found.
    """

    places: tuple[Path, Path]
    results: tuple[RunResults, RunResults]

    def both(self, get: Callable[[RunResults], Any]) -> tuple[Any, Any]:
        """What `get` takes from each run's results."""
        a, b = self.results
        return get(a), get(b)

    @property
    def tasks(self) -> list[str]:
        """The tasks that both have."""
        a, b = self.both(lambda results: results.metrics.tasks)
        return [task for task in a if task in b]

    @property
    def same_test(self) -> bool:
        """Whether both were tested on what looks like the same candidates.

        They are as many, and from the same time on.
        """
        # The records themselves aren't read: a copy of a run may have its report alone.
        a, b = self.both(lambda results: (results.data.splits.get("test"), results.data.cut_offs))
        return bool(a == b)


def compared(
    values: tuple[float | None, float | None],
    write: Callable[[float | None], str],
    write_difference: Callable[[float | None], str],
) -> list[str]:
    """Three cells: both values, and B less A."""
    a, b = values
    return [write(a), write(b), write_difference(difference(b, a))]


def signed_count(value: float | None) -> str:
    """+1,204; no sign where nothing changed."""
    if value is None:
        return MISSING
    return f"{value:+,.0f}".replace("-", "\N{MINUS SIGN}") if value else "0"
