"""The two runs of a comparison, and how differences are written."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.counts.found import Gain
from pipelines.counts.judged import Judged, gain, judged
from pipelines.counts.scores import RANKER, TestScores
from pipelines.report.results import RunResults
from pipelines.text import MISSING, difference

NAMES = ("A", "B")


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two finished runs.

    Attributes:
        places: Their directories.
        results: What each found.
        scores: What each one's models gave the test candidates; None where a report has none.
    """

    places: tuple[Path, Path]
    results: tuple[RunResults, RunResults]
    scores: tuple[TestScores | None, TestScores | None] = (None, None)

    def both(self, get: Callable[[RunResults], Any]) -> tuple[Any, Any]:
        """What `get` takes from each run's results."""
        a, b = self.results
        return get(a), get(b)

    @property
    def tasks(self) -> list[str]:
        """The tasks that both have."""
        a, b = self.both(lambda results: results.metrics.tasks)
        return [task for task in a if task in b]

    @functools.cached_property
    def gains(self) -> dict[str, Gain]:
        """What B's rankers gain over A's, by task, on the same test candidates.

        It is empty where these differ or aren't known.
        """
        a, b = self.scores
        if a is None or b is None or not a.same_candidates(b):
            return {}
        found = {}
        for task in self.tasks:
            if (RANKER, task) in a.scores and (RANKER, task) in b.scores:
                found[task] = gain(_judged(b, task), _judged(a, task))
        return found

    @property
    def same_test(self) -> bool:
        """Whether both were tested on what looks like the same candidates.

        They are as many, and from the same time on.
        """
        # The records themselves aren't read: a copy of a run may have its report alone.
        a, b = self.both(lambda results: (results.data.splits.get("test"), results.data.cut_offs))
        return bool(a == b)


def _judged(of_run: TestScores, task: str) -> Judged:
    """A run's ranker on a task's test candidates."""
    return judged(of_run.labels[task], of_run.users, of_run.scores[RANKER, task])


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
