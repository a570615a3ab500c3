"""A load test's outcomes for people: a table and a plot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.table import Table

from serving.loadtest.outcomes import QUANTILES, Outcomes
from serving.loadtest.plan import LoadPlan


def table(plan: LoadPlan, outcomes: Outcomes) -> Table:
    """Latency by number of candidates, in milliseconds, and what failed."""
    summary = outcomes.summary()
    failures = [f"{count} {status}" for status, count in summary["failures"].items()]
    failed = ", ".join(failures) or "none"
    title = f"{plan.rate:g} requests/s for {plan.seconds:g} s: latency from the moment due, ms"
    caption = (
        f"{summary['answered']} of {summary['requests']} answered, {summary['answered_a_second']} "
        f"a second; failed: {failed}; {outcomes.hit_ratio:.1%} of the user states came from the "
        "cache"
    )
    made = Table("candidates", "requests", *QUANTILES, title=title, caption=caption)
    rows = {"all": summary["latency_ms"]} | summary["latency_ms_by_candidates"]
    for name, latencies in rows.items():
        chosen = outcomes.answered & (
            (name == "all") | (outcomes.schedule.candidates.astype(str) == name)
        )
        cells = ["-"] * len(QUANTILES)
        if latencies:
            cells = [f"{latencies[quantile]:.1f}" for quantile in QUANTILES]
        made.add_row(name, str(int(chosen.sum())), *cells)
    return made


def plot(plan: LoadPlan, outcomes: Outcomes, path: Path) -> None:
    """Writes a PNG of latency over time, and of the share of requests that are slower.

    Both have a colour per number of candidates.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), layout="constrained")
    FigureCanvasAgg(figure)
    over_time, tail = figure.subplots(1, 2)
    for count in sorted(plan.candidates):
        chosen = outcomes.answered & (outcomes.schedule.candidates == count)
        milliseconds = 1e3 * outcomes.seconds[chosen]
        over_time.scatter(
            outcomes.schedule.due[chosen], milliseconds, s=4, label=f"{count} candidates"
        )
        slower = 1 - np.arange(len(milliseconds)) / max(len(milliseconds), 1)
        tail.step(np.sort(milliseconds), slower, where="post", label=f"{count} candidates")
    over_time.set(xlabel="due, seconds after the start", ylabel="latency, ms", yscale="log")
    tail.set(
        xlabel="latency, ms",
        ylabel="share of requests at least as slow",
        xscale="log",
        yscale="log",
    )
    over_time.set_title(f"{plan.rate:g} requests a second")
    for axes in (over_time, tail):
        axes.grid(alpha=0.3)
        axes.legend(loc="best", fontsize="small")
    figure.savefig(path, dpi=120)
