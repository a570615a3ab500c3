"""What the data is: rows read and rejected, splits in time, label rates, lengths of histories."""

from __future__ import annotations

from pipelines.data_report import DataReport, SplitReport, TableRows
from pipelines.report.bars import Bars, bars, spans
from pipelines.report.blocks import Picture, Section, Table
from pipelines.report.results import RunResults
from pipelines.text import MISSING, count, day, decimal, moment, percent, ratio, size
from preprocessing.conflicts import conflict_findings
from preprocessing.hints import listed
from preprocessing.joins import join_findings
from preprocessing.leaks import leak_findings
from preprocessing.popularity import POPULARITY, UNSEEN
from preprocessing.splits import REQUEST_SPLITS

SPLIT_TITLES = {
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
    said = [
        _rows_finding(data.rows),
        _duplicates(data.duplicate_keys),
        _rates_finding(data.splits),
    ]
    said += conflict_findings(data.conflicting_keys, data.conflict_examples)
    _, of_joins = join_findings(data.joins, data.missing_examples)
    said += of_joins
    said += leak_findings(data.feature_auc)
    return " ".join(sentence for sentence in said if sentence)


def _rows_finding(rows: dict[str, TableRows]) -> str:
    tables: list[str] = []
    all_rows = 0
    rejected = 0
    reasons: list[tuple[str, str, int]] = []
    for name, table in rows.items():
        tables.append(f"{count(table.read)} {name}")
        all_rows += table.read
        for reason, number in table.rejected.items():
            rejected += number
            reasons.append((name, reason, number))
    read = listed(tables)
    if not reasons:
        return f"Every row could be used: {read}."
    name, reason, most = max(reasons, key=lambda entry: entry[2])
    share = percent(rejected / all_rows)
    return (
        f"Of the rows read ({read}), {count(rejected)} were rejected ({share}), most often {name} "
        f"for “{reason}” ({count(most)})."
    )


def _duplicates(keys: dict[str, int]) -> str:
    found: list[str] = []
    for table, repeated in keys.items():
        if repeated:
            found.append(f"{count(repeated)} rows of {table}")
    return f"{listed(found)} repeat a key; one row a key was used." if found else ""


def _rates_finding(splits: dict[str, SplitReport]) -> str:
    if "train" not in splits or "test" not in splits:
        return ""
    test = splits["test"].label_rate
    said = []
    for task, rate in splits["train"].label_rate.items():
        if task in test:
            shares = f"{percent(rate)} of the training and {percent(test[task])} of the test"
            said.append(f"“{task}” holds for {shares} candidates")
    return f"{listed(said)}." if said else ""


def split_edges(data: DataReport) -> list[str]:
    """When training, validation and test begin, and when test ends, in ISO 8601."""
    cuts = data.cut_offs
    first = data.first_event
    last = data.last_event
    if cuts.train_from is not None:
        first = max(first, cuts.train_from, key=moment)
    if cuts.until is not None:
        last = min(last, cuts.until, key=moment)
    return [first, cuts.validation_from, cuts.test_from, last]


def _timeline(data: DataReport) -> Picture:
    edges = split_edges(data)
    names = [SPLIT_TITLES[split] for split in ("train", "validation", "test")]
    times = [moment(edge) for edge in edges]
    rows = {name: (times[i], times[i + 1]) for i, name in enumerate(names)}
    finding = (
        f"The log runs from {day(data.first_event)} to {day(data.last_event)}. "
        f"Candidates before {day(edges[1])} train, {_share(data, 'train')} of them; "
        f"those from {day(edges[2])} on test, {_share(data, 'test')}."
    )
    return Picture("The splits in time", finding, spans("timeline", rows))


def _share(data: DataReport, split: str) -> str:
    candidates = sum(counts.candidates for counts in data.splits.values())
    of_split = data.splits[split].candidates if split in data.splits else 0
    return percent(ratio(of_split, candidates))


def _histories(data: DataReport, longest: int) -> Picture:
    percentiles: dict[int, int] = {}  # JSON has their numbers as text
    for text, length in data.history_length.percentiles.items():
        percentiles[int(text)] = length
    groups: list[Bars] = []
    for number, length in sorted(percentiles.items()):
        groups.append(Bars(f"{number} % of requests", [length]))
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
    rows: list[list[str]] = []
    for name, title in SPLIT_TITLES.items():
        if name in splits:
            rows.append(_split_row(title, splits[name], tasks))
    caption = (
        "Records by split: requests with their candidates, pre-training windows, parts of the item "
        "catalogue."
    )
    header = ["Split", "Records", "Requests", "Candidates", "per request", *rates]
    header += ["Size", "Bytes a candidate"]
    return Table(caption, header, rows)


def _split_row(name: str, split: SplitReport, tasks: list[str]) -> list[str]:
    """Only splits with candidates have requests; what the others count are windows and items."""
    candidates = split.candidates or None
    requests = split.requests if split.candidates else None
    a_request = ratio(candidates, requests)
    numbers = [count(split.records), count(requests), count(candidates)]
    numbers.append(MISSING if a_request is None else f"{a_request:.1f}")
    rates = [percent(split.label_rate.get(task)) for task in tasks]
    return [name, *numbers, *rates, size(split.bytes), count(ratio(split.bytes, candidates))]


def _rules(splits: dict[str, SplitReport]) -> list[Table]:
    """What no model has to learn; older runs haven't counted it."""
    lines = []
    for name in REQUEST_SPLITS:
        if name not in splits:
            continue
        for task, rules in splits[name].label_rules.items():
            line = [
                f"{SPLIT_TITLES[name]}, “{task}”",
                percent(rules["unseen_positives"]),
                percent(rules["unseen_negatives"]),
                decimal(rules[UNSEEN], 3),
                decimal(rules[POPULARITY], 3),
            ]
            lines.append(line)
    if not lines:
        return []
    caption = (
        "Candidates whose item has no training event; the AUC of that alone, and of its training "
        "events alone."
    )
    header = ["Split, task", "Unseen of positives", "of negatives"]
    header += ["AUC of unseen", "AUC of popularity"]
    return [Table(caption, header, lines)]


def _joins(joins: dict[str, dict[str, int]]) -> list[Table]:
    lines = []
    for table, counts in joins.items():
        rows = counts["rows"]
        matched = counts["matched"]
        lines.append([table, count(rows), count(matched), percent(ratio(matched, rows))])
    caption = (
        "Joins: how many events find a row in each table; for “titles”, how many items find their "
        "title."
    )
    return [Table(caption, ["Join", "Rows", "Matched", "Share"], lines)] if lines else []


def _rows(rows: dict[str, TableRows]) -> Table:
    lines = []
    for name, table in rows.items():
        lines += _row_lines(name, table.read, table.rejected)
        if table.entries is not None:
            lines += _row_lines(f"{name}, entries of lists", table.entries, table.rejected_entries)
    caption = "Rows read, and how many were rejected for what"
    return Table(caption, ["Table", "Read", "Rejected", "Share"], lines)


def _row_lines(name: str, read: int, rejected: dict[str, int]) -> list[list[str]]:
    """A line for all reasons, and one for each where there are several."""
    total = sum(rejected.values())
    only = f" ({next(iter(rejected))})" if len(rejected) == 1 else ""
    lines = [[f"{name}{only}", count(read), count(total), percent(ratio(total, read))]]
    if len(rejected) > 1:
        for reason, number in rejected.items():
            share = percent(ratio(number, read))
            lines.append([f"{name}: {reason}", MISSING, count(number), share])
    return lines
