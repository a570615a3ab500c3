"""What the data is: rows read and rejected, splits in time, label rates, lengths of histories."""

from __future__ import annotations

from pipelines.data_report import DataReport, SplitReport, TableRows
from pipelines.report.bars import Bars, bars, spans
from pipelines.report.blocks import Picture, Section, Table
from pipelines.report.results import RunResults
from pipelines.text import MISSING, count, day, decimal, moment, percent, ratio, size
from preprocessing.hints import listed
from preprocessing.joins import join_findings
from preprocessing.leaks import leak_findings
from preprocessing.popularity import POPULARITY, UNSEEN
from preprocessing.splits import REQUEST_SPLITS

SPLITS = {
    "pretrain": "Pre-training windows",
    "pretrain_validation": "Pre-training, held-out users",
    "train": "Train",
    "validation": "Validation",
    "test": "Test",
    "catalog": "Item catalogue",
}


def data_section(results: RunResults) -> Section:
    """The section on data."""
    data = results.data
    return Section(
        anchor="data",
        title="The data",
        finding=_finding(data),
        pictures=[
            _timeline(data),
            _histories(data, results.metrics.config["dataset"]["history"]["length"]),
        ],
        tables=[
            _splits(data.splits, list(results.metrics.tasks)),
            *_rules(data.splits),
            *_joins(data.joins),
            _rows(data.rows),
        ],
    )


def _finding(data: DataReport) -> str:
    rows = f"{_rows_finding(data.rows)} {_duplicates(data.duplicate_keys)}{_rates_finding(data.splits)}"
    return " ".join([rows.strip(), *join_findings(data.joins)[1], *leak_findings(data.feature_auc)])


def _rows_finding(rows: dict[str, TableRows]) -> str:
    read = listed(f"{count(table.read)} {name}" for name, table in rows.items())
    reasons = {
        (name, reason): n for name, table in rows.items() for reason, n in table.rejected.items()
    }
    if not reasons:
        return f"Every row could be used: {read}."
    (table, reason), most = max(reasons.items(), key=lambda item: item[1])
    rejected, total = sum(reasons.values()), sum(table.read for table in rows.values())
    return (
        f"Of the rows read ({read}), {count(rejected)} were rejected ({percent(rejected / total)}), "
        f"most often {table} for “{reason}” ({count(most)})."
    )


def _duplicates(keys: dict[str, int]) -> str:
    found = [f"{count(n)} rows of {table}" for table, n in keys.items() if n]
    return f"{listed(found)} repeat a key; one row a key was used. " if found else ""


def _rates_finding(splits: dict[str, SplitReport]) -> str:
    train, test = (splits[name].label_rate if name in splits else {} for name in ("train", "test"))
    known = [task for task in train if task in test]
    said = [
        f"“{task}” holds for {percent(train[task])} of the training and {percent(test[task])} of the test candidates"
        for task in known
    ]
    return f"{listed(said)}." if said else ""


def split_edges(data: DataReport) -> list[str]:
    """When training, validation and test begin, and when test ends, in ISO 8601."""
    cuts = data.cut_offs
    last = data.last_event if cuts.until is None else min(data.last_event, cuts.until, key=moment)
    first = (
        data.first_event
        if cuts.train_from is None
        else max(data.first_event, cuts.train_from, key=moment)
    )
    return [first, cuts.validation_from, cuts.test_from, last]


def _timeline(data: DataReport) -> Picture:
    edges = split_edges(data)
    names = [SPLITS[split] for split in ("train", "validation", "test")]
    times = [moment(edge) for edge in edges]
    rows = {name: (times[i], times[i + 1]) for i, name in enumerate(names)}
    finding = (
        f"The log runs from {day(data.first_event)} to {day(data.last_event)}. "
        f"Candidates before {day(edges[1])} train, {_share(data, 'train')} of them; "
        f"those from {day(edges[2])} on test, {_share(data, 'test')}."
    )
    return Picture("The splits in time", finding, spans("timeline", rows))


def _share(data: DataReport, split: str) -> str:
    candidates = {name: counts.candidates for name, counts in data.splits.items()}
    return percent(ratio(candidates.get(split, 0), sum(candidates.values())))


def _histories(data: DataReport, longest: int) -> Picture:
    percentiles = {int(p): length for p, length in data.history_length.percentiles.items()}
    groups = [Bars(f"{p} % of requests", [length]) for p, length in sorted(percentiles.items())]
    chart = bars("histories", groups, lambda length: f"at most {count(length)}")
    return Picture("How much history a request has", _history_finding(percentiles, longest), chart)


def _history_finding(percentiles: dict[int, int], longest: int) -> str:
    if 50 not in percentiles:
        return "No request was counted."
    full = [p for p, length in percentiles.items() if length >= longest]
    cut = f" At least {100 - min(full)} % fill the {count(longest)} that are kept." if full else ""
    return f"Half of the requests come after at most {count(percentiles[50])} behaviours.{cut}"


def _splits(splits: dict[str, SplitReport], tasks: list[str]) -> Table:
    rates = [f"“{task}”" for task in tasks]
    order = [name for name in SPLITS if name in splits]
    return Table(
        "Records by split: requests with their candidates, pre-training windows, parts of the item catalogue.",
        [
            "Split",
            "Records",
            "Requests",
            "Candidates",
            "per request",
            *rates,
            "Size",
            "Bytes a candidate",
        ],
        [_split_row(SPLITS[name], splits[name], tasks) for name in order],
    )


def _split_row(name: str, split: SplitReport, tasks: list[str]) -> list[str]:
    """Only splits with candidates have requests; what the others count are windows and items."""
    requests, candidates = (split.requests, split.candidates) if split.candidates else (None, None)
    a_request = ratio(candidates, requests)
    numbers = [count(split.records), count(requests), count(candidates)]
    numbers.append(MISSING if a_request is None else f"{a_request:.1f}")
    rates = [percent(split.label_rate.get(task)) for task in tasks]
    return [name, *numbers, *rates, size(split.bytes), count(ratio(split.bytes, candidates))]


def _rules(splits: dict[str, SplitReport]) -> list[Table]:
    """What no model has to learn; older runs haven't counted it."""
    lines = []
    for name in REQUEST_SPLITS:
        for task, rules in (splits[name].label_rules if name in splits else {}).items():
            shares = [percent(rules[f"unseen_{kind}"]) for kind in ("positives", "negatives")]
            aucs = [decimal(rules[rule], 3) for rule in (UNSEEN, POPULARITY)]
            lines.append([SPLITS[name], task, *shares, *aucs])
    caption = "Candidates whose item has no training event; the AUC of that alone, and of its training events alone."
    heads = [
        "Split",
        "Task",
        "Unseen of positives",
        "of negatives",
        "AUC of unseen",
        "AUC of popularity",
    ]
    return [Table(caption, heads, lines, text_columns=2)] if lines else []


def _joins(joins: dict[str, dict[str, int]]) -> list[Table]:
    lines = [
        [table, count(c["rows"]), count(c["matched"]), percent(ratio(c["matched"], c["rows"]))]
        for table, c in joins.items()
    ]
    caption = "Joins: how many rows find one in another table"
    return [Table(caption, ["Join", "Rows", "Matched", "Share"], lines)] if lines else []


def _rows(rows: dict[str, TableRows]) -> Table:
    lines = []
    for name, table in rows.items():
        lines.append(_row_line(name, table.read, table.rejected))
        if table.entries is not None:
            lines.append(
                _row_line(f"{name}, entries of lists", table.entries, table.rejected_entries)
            )
    return Table(
        "Rows read", ["Table", "Reasons", "Read", "Rejected", "Share"], lines, text_columns=2
    )


def _row_line(name: str, read: int, rejected: dict[str, int]) -> list[str]:
    total = sum(rejected.values())
    reasons = ", ".join(f"{reason}: {count(n)}" for reason, n in rejected.items())
    return [
        name,
        reasons or "nothing rejected",
        count(read),
        count(total),
        percent(ratio(total, read)),
    ]
