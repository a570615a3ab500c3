"""Joins that match little or nothing, and the rewriting of keys that would mend them, through the
whole job."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from preprocessing.counts import nested
from preprocessing.errors import DataError
from preprocessing.joins import join_findings, joins_report, match_counts, missing_examples
from preprocessing.quarantine import read_report
from preprocessing.report_checks import check_report
from preprocessing.validation import validate
from tests.testing import (
    Row,
    item_rows,
    run_job,
    small_log,
    user_rows,
    write_csv,
    write_small_dataset,
)

LOG = small_log(users=12, events=400)


def _renamed(rows: list[Row], column: str, pattern: str) -> list[Row]:
    return [row | {column: pattern.format(row[column])} for row in rows]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "pattern", "hint"),
    [
        ("items", "{}.0", "without a final .0"),
        ("users", "00{}", "without leading zeros"),
        ("users", "{}  ", "without spaces around them"),
    ],
)
def test_a_join_that_finds_nothing_is_refused_with_the_rewriting_that_would_match(
    table: str, pattern: str, hint: str, tmp_path: Path
) -> None:
    spec = write_small_dataset(tmp_path, LOG)
    key, rows = {"items": ("item_id", item_rows()), "users": ("user_id", user_rows())}[table]
    quoted = pattern if "  " not in pattern else "\u2007{}"
    write_csv(tmp_path / f"{table}.csv", _renamed(rows, key, quoted))
    run_job(spec, tmp_path, shards=4)
    counts = read_report(str(tmp_path))["joins"][table]
    assert counts["matched"] == 0 and counts["rows"] == len(LOG)
    with pytest.raises(
        DataError,
        match=rf"0 of {len(LOG)} events \(0.0%\) find a row .* Written {hint}, the keys of",
    ):
        check_report(spec, str(tmp_path))


def test_matches_are_counted_for_every_join_and_few_are_warned_of(tmp_path: Path) -> None:
    spec = write_small_dataset(tmp_path, LOG)
    write_csv(tmp_path / "users.csv", user_rows()[:5])
    found = validate(spec)
    assert found.problems == []
    joins = found.report["joins"]
    users = {row["user_id"] for row in user_rows()[:5]}
    assert joins["users"]["matched"] == sum(row["user_id"] in users for row in LOG)
    assert joins["items"]["matched"] == sum(row["item_id"] != "i3" for row in LOG)
    seen = {row["item_id"] for row in LOG} - {"i3"}
    assert abs(joins["titles"]["matched"] - len(seen)) <= 1 and joins["titles"]["rows"] >= len(seen)
    # Other warnings are of so small a log.
    (warning,) = [text for text in found.warnings if "find a row" in text]
    lacking = Counter(row["user_id"] for row in LOG if row["user_id"] not in users)
    first, second = sorted(lacking, key=lambda user: (-lacking[user], user))[:2]
    said = f"It has no row for {len(lacking)} keys, such as '{first}' and '{second}'."
    assert warning.endswith(f"find a row in the user table. {said}")
    assert joins["items"]["missing_keys"] == 1  # in all shards together


def test_rows_that_are_all_too_late_are_not_taken_for_other_keys() -> None:
    problems, warnings = join_findings(
        {"items": {"rows": 10, "matched": 0, "matched_keys": 10}}, {}
    )
    assert warnings == [] and "are both timestamps in the right unit?" in problems[0]


def test_the_simplest_rewriting_is_named() -> None:
    counts = {"rows": 10, "matched": 1, "matched_keys": 1}
    both = {
        "without leading zeros": 9,
        "without spaces, leading zeros and a final .0, in lower case": 9,
    }
    problems, warnings = join_findings({"users": counts | both}, {})
    assert problems == [] and "Written without leading zeros, the keys of 9 more" in warnings[0]


def _said(ids: dict[str, int], keys: list[str], shards: int = 1) -> str:
    """What is found where each of some shards has rows of the same ids."""
    rows = np.array(list(ids.values()))
    matched = sum(count for key, count in ids.items() if key in keys)
    counts: Counter[tuple[str, ...]] = Counter()
    for _ in range(shards):
        counts.update(match_counts("items", pa.array(ids), rows, pa.array(keys), matched))
    found = nested(counts)
    joins = joins_report(found["joins"], found["missing_keys"])
    (finding,) = [
        text
        for kind in join_findings(joins, missing_examples(found["missing_keys"]))
        for text in kind
    ]
    return finding.partition("table. ")[2]


def test_keys_differ_only_where_none_is_the_same_or_another_writing_would_match() -> None:
    lacking = "It has no row for 3 keys, such as 'c' and 'b'."
    assert _said({"a": 1, "b": 3, "c": 5, "d": 3}, ["a", "x"], shards=2) == lacking
    none = _said({"a": 1}, ["x"])
    assert none == (
        "No key is in both: look at the columns that the spec joins by. It has no row for 1 key, "
        "such as 'a'."
    )
    few = _said({"a": 1, "B": 1, "c": 5}, ["a", "b"])
    assert few.startswith("Written in lower case, the keys of 1 more would be the same")
    assert few.endswith("It has no row for 2 keys, such as 'c' and 'B'.")


def test_of_many_keys_the_number_is_a_bound() -> None:
    ids = {f"i{n:03}": 1 for n in range(250)}
    assert (
        _said(ids, ["i000"]) == "It has no row for more than 100 keys, such as 'i001' and 'i002'."
    )
