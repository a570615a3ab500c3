"""Where the time went, component by component."""

from __future__ import annotations

from pipelines.report.bars import Bars, bars
from pipelines.report.blocks import Picture, Section, Table
from pipelines.report.results import RunResults
from pipelines.runners.progress import COMPONENTS
from pipelines.text import duration, percent, ratio


def timing_section(results: RunResults) -> Section:
    """The section on time."""
    seconds = results.metrics.seconds
    total = sum(seconds.values())
    groups = [Bars(name, [value]) for name, value in seconds.items()]
    chart = bars("seconds", groups, duration)
    return Section(
        anchor="time",
        title="Where the time went",
        finding=_finding(seconds, total),
        pictures=[Picture("Time by component", _longest(seconds, total), chart)],
        tables=[
            Table(
                "A component that was taken from the cache shows the run that made its output.",
                ["Component", "What it does", "Time", "Share"],
                [
                    [name, _what(name), duration(value), percent(ratio(value, total))]
                    for name, value in seconds.items()
                ],
                text_columns=2,
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


def _longest(seconds: dict[str, float], total: float) -> str:
    most = sorted(seconds.values(), reverse=True)[:3]
    return f"In the order of the pipeline. The longest {len(most)} take {percent(ratio(sum(most), total))} of the time."


def _what(component: str) -> str:
    return COMPONENTS[component][0] if component in COMPONENTS else component
