"""`srp4ctr compare`: the page."""

from __future__ import annotations

from pathlib import Path

from pipelines.report.comparison.data import data_section
from pipelines.report.comparison.pair import Pair
from pipelines.report.comparison.scores import headline_section
from pipelines.report.comparison.settings import settings_section
from pipelines.report.comparison.slices import slices_section
from pipelines.report.comparison.training import time_section, training_section
from pipelines.report.html import page_of
from pipelines.report.stored import read_results, read_scores
from preprocessing.whole_files import write_whole

PAGE = "comparison.html"
_SECTIONS = (
    headline_section,
    settings_section,
    data_section,
    slices_section,
    training_section,
    time_section,
)


def compare(run_a: Path, run_b: Path, output: Path | None = None) -> Path:
    """Writes the comparison of two finished runs.

    Args:
        run_a: The directory of the one to start from, such as the one in production.
        run_b: The directory of the other.
        output: The page; by default `comparison.html` in run B's report.

    Returns:
        The page's path.

    Raises:
        RunError: one of them is no finished run.
    """
    pair = Pair(
        (run_a, run_b),
        (read_results(run_a), read_results(run_b)),
        (read_scores(run_a), read_scores(run_b)),
    )
    path = output or run_b / "report" / PAGE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, render(pair))
    return path


def render(pair: Pair) -> str:
    """The page: scores, settings, data, slices, training, time."""
    a, b = pair.places
    return page_of(
        "SRP4CTR: two runs compared",
        f"{a.name} (A), {b.name} (B)",
        [make(pair) for make in _SECTIONS],
    )
