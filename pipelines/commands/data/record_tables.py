"""A data report's requests, label rules and joins as tables in the terminal."""

from __future__ import annotations

from rich.table import Table

from pipelines.data_report import DataReport
from pipelines.text import count, decimal, percent, ratio
from preprocessing.popularity import POPULARITY, UNSEEN
from preprocessing.splits import REQUEST_SPLITS


def record_tables(report: DataReport) -> list[Table]:
    """What a run's records are, and what they are joined with."""
    tables = [_requests(report), _rules(report)]
    if report.joins:
        tables.append(_joins(report.joins))
    return tables


def _requests(report: DataReport) -> Table:
    splits = {name: report.splits.get(name) for name in REQUEST_SPLITS}
    found: set[str] = set()
    for split in splits.values():
        if split:
            found |= set(split.positives)
    tasks = sorted(found)
    at_cut_off = count(report.requests_cut["at_cut_off"])
    too_long = count(report.requests_cut["too_long"])
    positive = [f"{task} = 1" for task in tasks]
    title = f"Requests; {at_cut_off} cut at a cut-off, {too_long} for their length"
    grid = Table(
        *("split", "requests", "candidates", *positive, "sampled", "too recent"),
        title=title,
        caption=_left_out(report),
    )
    for name, split in splits.items():
        if split is None:
            grid.add_row(name, *(["0"] * (len(tasks) + 4)))
            continue
        positives = [count(split.positives.get(task, 0)) for task in tasks]
        requests = count(split.requests)
        candidates = count(split.candidates)
        late = count(split.too_recent)
        grid.add_row(name, requests, candidates, *positives, count(split.sampled), late)
    return grid


def _left_out(report: DataReport) -> str | None:
    """What isn't in the table of requests, and why; None if nothing is left out."""
    said: list[str] = []
    if any(split.too_recent for split in report.splits.values()):
        said.append(
            "Too recent: candidates that are left out, as the longest `within` of a task isn't "
            "over when their split ends."
        )
    before = report.requests_outside_the_splits.get("history_only", 0)
    after = report.requests_outside_the_splits.get("labels_only", 0)
    if before or after:
        said.append(
            f"In no split: {count(before)} requests before the time of training, {count(after)} "
            f"after that of the test."
        )
    return " ".join(said) or None


def _rules(report: DataReport) -> Table:
    """How well plain rules rank, which no model has to learn.

    They are whether an item is unseen in training, and how popular it is.
    """
    title = "Items unseen in training, and the AUC of plain rules"
    columns = ("unseen of positives", "unseen of negatives", "AUC of unseen", "AUC of popularity")
    grid = Table("split", "task", *columns, title=title)
    for name in REQUEST_SPLITS:
        split = report.splits.get(name)
        rules_by_task = split.label_rules if split else {}
        for task, rules in rules_by_task.items():
            grid.add_row(
                name,
                task,
                percent(rules["unseen_positives"]),
                percent(rules["unseen_negatives"]),
                decimal(rules[UNSEEN], 3),
                decimal(rules[POPULARITY], 3),
            )
    return grid


def _joins(joins: dict[str, dict[str, int]]) -> Table:
    grid = Table("join", "rows", "matched", "share", title="Joins")
    for table, counts in joins.items():
        share = percent(ratio(counts["matched"], counts["rows"]))
        grid.add_row(table, count(counts["rows"]), count(counts["matched"]), share)
    return grid
