"""Where the time went, component by component."""

from __future__ import annotations

from pipelines.report.bars import Bars, bars
from pipelines.report.blocks import Picture, Section, Table
from pipelines.report.results import RunResults
from pipelines.runners.progress import COMPONENTS
from pipelines.text import duration, percent, ratio


def timing_section(results: RunResults) -> Section:
    """The section on time."""
    seconds: dict[str, float] = results.metrics["seconds"]
    total = sum(seconds.values())
    groups = [Bars(name, [value]) for name, value in seconds.items()]
    chart = bars("seconds", groups, duration)
    return Section(
        anchor="time",
        title="Where the time went",
        finding=_finding(seconds, total),
        pictures=[Picture("Time by component", "In the order of the pipeline.", chart)],
        tables=[
            Table(
                "A component that was taken from the cache shows the run that made its output.",
                ["Step", "Time", "Share"],
                [[_what(name), duration(value), percent(ratio(value, total))] for name, value in seconds.items()],
            )
        ],
    )


def _finding(seconds: dict[str, float], total: float) -> str:
    if not total:
        return "No component's time was recorded."
    slowest = max(seconds, key=lambda name: seconds[name])
    training = sum(value for name, value in seconds.items() if name.startswith("Trainer"))
    return (
        f"The components took {duration(total)} in all, {percent(training / total)} of it training. The slowest was "
        f"{slowest} ({_what(slowest)}), {duration(seconds[slowest])}."
    )


def _what(component: str) -> str:
    return COMPONENTS[component][0] if component in COMPONENTS else component
