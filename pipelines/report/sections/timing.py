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
    rows = []
    for name, value in seconds.items():
        what = f"{name}: {_what(name)}"
        rows.append([what, duration(value), percent(ratio(value, total))])
    caption = "A component that was taken from the cache shows the run that made its output."
    header = ["Component", "Time", "Share"]
    return Section(
        anchor="time",
        title="Where the time went",
        finding=_finding(seconds, total),
        pictures=[Picture("Time by component", _longest(seconds, total), chart)],
        tables=[Table(caption, header, rows)],
    )


def _finding(seconds: dict[str, float], total: float) -> str:
    if not total:
        return "No component's time was recorded."
    slowest = max(seconds, key=lambda name: seconds[name])
    training = 0.0
    for name, value in seconds.items():
        if name.startswith("Trainer"):
            training += value
    return (
        f"The components took {duration(total)} in all, {percent(training / total)} of it "
        f"training. The slowest was {slowest} ({_what(slowest)}), {duration(seconds[slowest])}."
    )


def _longest(seconds: dict[str, float], total: float) -> str:
    most = sorted(seconds.values(), reverse=True)[:3]
    share = percent(ratio(sum(most), total))
    return f"The longest {len(most)} take {share} of the time."


def _what(component: str) -> str:
    return COMPONENTS[component][0] if component in COMPONENTS else component
