"""A data report's requests, label rules and joins as tables in the terminal."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from pipelines.text import count, decimal, percent, ratio
from preprocessing.popularity import POPULARITY, UNSEEN
from preprocessing.splits import REQUEST_SPLITS


def record_tables(report: dict[str, Any]) -> list[Table]:
    """What a run's records are, and what they are joined with."""
    return [
        _requests(report),
        _rules(report),
        *([_joins(report["joins"])] if report["joins"] else []),
    ]


def _requests(report: dict[str, Any]) -> Table:
    splits = {name: report["splits"].get(name, {}) for name in REQUEST_SPLITS}
    tasks = sorted({task for split in splits.values() for task in split.get("positives", {})})
    cut = report["requests_cut"]
    title = f"Requests; {count(cut['at_cut_off'])} cut at a cut-off, {count(cut['too_long'])} for their length"
    grid = Table(
        "split",
        "requests",
        "candidates",
        *(f"{task} = 1" for task in tasks),
        "sampled",
        title=title,
    )
    for name, split in splits.items():
        positives = [count(split.get("positives", {}).get(task, 0)) for task in tasks]
        grid.add_row(
            name,
            count(split.get("requests", 0)),
            count(split.get("candidates", 0)),
            *positives,
            count(split.get("sampled", 0)),
        )
    return grid


def _rules(report: dict[str, Any]) -> Table:
    """What no model has to learn: the AUC of being unseen in training alone, and of popularity alone."""
    title = "Items unseen in training, and the AUC of plain rules"
    columns = ("unseen of positives", "unseen of negatives", "AUC of unseen", "AUC of popularity")
    grid = Table("split", "task", *columns, title=title)
    for name in REQUEST_SPLITS:
        for task, rules in report["splits"].get(name, {}).get("label_rules", {}).items():
            shares = [percent(rules[f"unseen_{kind}"]) for kind in ("positives", "negatives")]
            grid.add_row(
                name, task, *shares, *(decimal(rules[rule], 3) for rule in (UNSEEN, POPULARITY))
            )
    return grid


def _joins(joins: dict[str, dict[str, int]]) -> Table:
    grid = Table("join", "rows", "matched", "share", title="Joins")
    for table, counts in joins.items():
        share = percent(ratio(counts["matched"], counts["rows"]))
        grid.add_row(table, count(counts["rows"]), count(counts["matched"]), share)
    return grid
