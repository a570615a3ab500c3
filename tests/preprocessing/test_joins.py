"""Joins that match little or nothing, and the rewriting of keys that would mend them, through the
whole job."""

from __future__ import annotations

from pathlib import Path

import pytest

from preprocessing.errors import DataError
from preprocessing.joins import join_findings
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
    assert "find a row in the user table. The keys differ" in warning


def test_rows_that_are_all_too_late_are_not_taken_for_other_keys() -> None:
    problems, warnings = join_findings({"items": {"rows": 10, "matched": 0, "matched_keys": 10}})
    assert warnings == [] and "are both timestamps in the right unit?" in problems[0]


def test_the_simplest_rewriting_is_named() -> None:
    counts = {"rows": 10, "matched": 1, "matched_keys": 1}
    both = {
        "without leading zeros": 9,
        "without spaces, leading zeros and a final .0, in lower case": 9,
    }
    problems, warnings = join_findings({"users": counts | both})
    assert problems == [] and "Written without leading zeros, the keys of 9 more" in warnings[0]
